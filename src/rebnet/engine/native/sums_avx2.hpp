// Look-ups of all planes at once: tables of sums of gains, made for each four channels of a pixel. Included by
// codes.hpp, once for each instruction set.
#pragma once

#include "lookups.hpp"
#if defined(REBNET_ALONE_AVX2)
#include "tables_avx2.hpp"
#endif

namespace rebnet::REBNET_ISA {
namespace {

#if defined(REBNET_ALONE_AVX2)
// Tables of a map's lines, as many as a window has, in turns; and where those of a line of windows stand.
class Tables {
 public:
  Tables(const Layer& layer, int set, std::uint8_t* tables, int* places)
      : layer_(layer),
        weigh_(layer, set),
        make_(static_cast<int>(layer.gain_sum(set))),
        line_(layer.lookups.pixels * layer.plane_words),
        tables_(tables),
        places_(places) {}

  const std::uint8_t* first() const { return tables_; }
  const int* places() const { return places_; }

  // For line `y` of windows, whose first stands at `words`.
  void move(const Word* words, int y) {
    const Window& window = layer_.window;
    const int top = y * window.stride_h;
    for (int ky = 0; ky < window.kernel_h; ky++) {
      const int slot = (top + ky) % window.kernel_h;
      if (top + ky >= made_) make(words + static_cast<std::ptrdiff_t>(ky) * layer_.line, slot);
    }
    made_ = top + window.kernel_h;
    for (int word = 0; word < layer_.words; word++) {
      const int ky = layer_.offsets[word] / layer_.line, within = layer_.offsets[word] % layer_.line;
      const int place = within / layer_.pixel * layer_.plane_words + within % layer_.pixel;
      places_[word] = ((top + ky) % window.kernel_h * line_ + place) * NIBBLES * Lookups::ENTRY;
    }
  }

 private:
  void make(const Word* words, int slot) {
    std::uint8_t* to = tables_ + static_cast<std::ptrdiff_t>(slot) * line_ * NIBBLES * Lookups::ENTRY;
    for (int pixel = 0; pixel < layer_.lookups.pixels; pixel++, words += layer_.pixel) {
      for (int half = 0; half < 2 * layer_.plane_words; half++, to += 2 * TableMaker::BYTES) {
        make_(weigh_(words + half / 2, half % 2), to);
      }
    }
  }

  const Layer& layer_;
  Weigher weigh_;
  TableMaker make_;
  int line_;
  std::uint8_t* tables_;
  int* places_;
  int made_ = 0;  // lines, from the first
};

// WINDOWS windows, `across` bytes of tables apart, against BLOCKS blocks of rows: lower numbers and upper ones.
template <int WINDOWS, int BLOCKS>
REBNET_INLINE inline void look_up_both(const Layer& layer, const std::uint8_t* first, const int* places,
                                       std::ptrdiff_t across, const std::uint8_t* weights,
                                       Counts (&counts)[2][WINDOWS * BLOCKS]) {
  constexpr int ALL = WINDOWS * BLOCKS, STEP = Lookups::BITS / 4;
  static_assert(Lookups::SUMMED == 2 * STEP && Lookups::SUMMED * ((1 << Lookups::SUM_BITS) - 1) < 256);
  const int* steps = layer.lookups.steps.data();
  const std::size_t next = layer.lookups.block_bytes;
  __m256i lower[ALL], upper[ALL];
  repeat<ALL>([&](auto i) REBNET_INLINE {
    lower[i] = upper[i] = _mm256_setzero_si256();
    counts[0][i] = counts[1][i] = Counts{};
  });
  int left = 2;  // steps
  for (int word = 0; word < layer.words; word++) {
    const std::uint8_t* there = first + places[word];
    for (int step = 0; step < steps[word]; step++, there += TableMaker::BYTES) {
      if (left == 0) {
        repeat<ALL>([&](auto i) REBNET_INLINE {
          counts[0][i].add(lower[i]);
          counts[1][i].add(upper[i]);
          lower[i] = upper[i] = _mm256_setzero_si256();
        });
        left = 2;
      }
      left--;
      repeat<STEP>([&](auto nibble) REBNET_INLINE {
        __m256i own[BLOCKS];
        repeat<BLOCKS>([&](auto block) REBNET_INLINE {
          own[block] = vector_at(weights + block * next);
          if (WINDOWS > 1) pin(own[block]);
        });
        repeat<WINDOWS>([&](auto window) REBNET_INLINE {
          const __m256i low = twice(there + window * across + TableMaker::lower(nibble)),
                        high = twice(there + window * across + TableMaker::upper(nibble));
          repeat<BLOCKS>([&](auto block) REBNET_INLINE {
            __m256i& one = lower[window * BLOCKS + block];
            one = _mm256_add_epi8(one, _mm256_shuffle_epi8(low, own[block]));
            pin(one);
            __m256i& other = upper[window * BLOCKS + block];
            other = _mm256_add_epi8(other, _mm256_shuffle_epi8(high, own[block]));
            pin(other);
          });
        });
        weights += Lookups::ROWS;
      });
    }
  }
  repeat<ALL>([&](auto i) REBNET_INLINE {
    counts[0][i].add(lower[i]);
    counts[1][i].add(upper[i]);
  });
}

template <int WINDOWS, int BLOCKS>
REBNET_ALONE void sum_codes(const Layer& layer, const Encode32& encode, const std::uint8_t* first, const int* places,
                            int block, Word* pixel, int pixel_words) {
  constexpr int ALL = WINDOWS * BLOCKS;
  const Encode32 own = encode;
  const std::ptrdiff_t across =
      std::ptrdiff_t{layer.across / layer.pixel} * layer.plane_words * NIBBLES * Lookups::ENTRY;
  const std::uint8_t* weights =
      layer.lookups.weights.data() + static_cast<std::size_t>(block) * layer.lookups.block_bytes;
  Counts counts[2][ALL];
  look_up_both<WINDOWS, BLOCKS>(layer, first, places, across, weights, counts);
  const __m256i gains = _mm256_set1_epi32(1 << (16 + Lookups::SUM_BITS) | 1);
  for (int i = 0; i < ALL; i++) {
    Sums32 sums = own.start(block + i % BLOCKS);
    sums.take(counts[0][i].halves, counts[1][i].halves, gains);
    own(block + i % BLOCKS, sums, pixel + i / BLOCKS * pixel_words);
  }
}

// A window against all rows.
inline void sum_window(const Layer& layer, const Encode32& encode, const std::uint8_t* first, const int* places,
                       Word* pixel) {
  for_blocks<4>(layer.lookups.blocks, [&](int block, auto together) {
    sum_codes<1, together>(layer, encode, first, places, block, pixel, 0);
  });
}

// Layers whose planes are summed, for each line of windows.
class SumLines {
 public:
  SumLines(const Layer& layer, int set, std::uint8_t* tables, int* places)
      : layer_(layer), encode_(layer, set), tables_(layer, set, tables, places) {}

  void operator()(const Word* line, int y, Word* out, int pixel_words) {
    tables_.move(line, y);
    const int across = layer_.across / layer_.pixel * layer_.plane_words * NIBBLES * Lookups::ENTRY;
    for (int x = 0; x < layer_.out_width; x += 2) {
      const std::uint8_t* first = tables_.first() + static_cast<std::ptrdiff_t>(x) * across;
      Word* pixel = out + static_cast<std::ptrdiff_t>(x) * pixel_words;
      if (x + 1 == layer_.out_width) return sum_window(layer_, encode_, first, tables_.places(), pixel);
      for_blocks<2>(layer_.lookups.blocks, [&](int block, auto together) {
        sum_codes<2, together>(layer_, encode_, first, tables_.places(), block, pixel, pixel_words);
      });
    }
  }

 private:
  const Layer& layer_;
  Encode32 encode_;
  Tables tables_;
};

// Layers of pixels that are looked up, for each window.
class SumPixels {
 public:
  SumPixels(const Layer& layer, int set, std::uint8_t* tables, int* places)
      : layer_(layer),
        encode_(layer, set),
        make_(static_cast<int>(layer.gain_sum(set))),
        tables_(tables),
        places_(places) {
    for (int word = 0; word < layer.words; word++) places[word] = word * NIBBLES * Lookups::ENTRY;
  }

  // A window whose pixels stand together; nothing behind them is read.
  void operator()(const std::uint8_t* window, Word* pixel) const {
    constexpr int NUMBERS = TableMaker::NUMBERS;
    const int columns = layer_.columns(), whole = columns / NUMBERS;
    std::uint8_t* to = tables_;
    for (int step = 0; step < whole; step++, window += NUMBERS, to += TableMaker::BYTES) {
      make_(_mm_loadu_si128(reinterpret_cast<const __m128i*>(window)), to);
    }
    if (columns % NUMBERS) {
      alignas(16) std::uint8_t rest[NUMBERS] = {};
      std::memcpy(rest, window, static_cast<std::size_t>(columns % NUMBERS));
      make_(_mm_load_si128(reinterpret_cast<const __m128i*>(rest)), to);
    }
    sum_window(layer_, encode_, tables_, places_, pixel);
  }

 private:
  const Layer& layer_;
  Encode32 encode_;
  TableMaker make_;
  std::uint8_t* tables_;
  const int* places_;
};
#endif

}  // namespace
}  // namespace rebnet::REBNET_ISA
