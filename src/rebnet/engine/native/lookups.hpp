// Bits counted by tables: how four bits of a window differ from every four weights there could be. Included by
// run_image.cpp, once for each instruction set; for processors with AVX2 that have no count of bits.
#pragma once

#include <array>
#include <cstring>

#include "layers.hpp"
#if defined(REBNET_ALONE_AVX2)
#include "encode_avx2.hpp"
#endif

namespace rebnet::REBNET_ISA {
namespace {

#if defined(REBNET_ALONE_AVX2)
// [four bits][four weights]: how many differ.
constexpr std::array<std::uint8_t, 256> differences() {
  std::array<std::uint8_t, 256> found{};
  for (unsigned pair = 0; pair < 256; pair++) found[pair] = static_cast<std::uint8_t>(Lookups::differing(pair));
  return found;
}
alignas(64) constexpr std::array<std::uint8_t, 256> DIFFERENCES = differences();

// Counts of Lookups::ROWS rows, in 16 bits.
struct Counts {
  __m256i halves[2];

  void add(__m256i bytes) {
    halves[0] = _mm256_add_epi16(halves[0], _mm256_and_si256(bytes, _mm256_set1_epi16(255)));
    halves[1] = _mm256_add_epi16(halves[1], _mm256_srli_epi16(bytes, 8));
  }
  // Of LANES rows.
  Lanes lanes(int part) const {
    const __m256i half = halves[part % 2];
    const __m128i eight = part / 2 ? _mm256_extracti128_si256(half, 1) : _mm256_castsi256_si128(half);
    return {{reinterpret_cast<Register>(_mm256_cvtepu16_epi64(eight)),
             reinterpret_cast<Register>(_mm256_cvtepu16_epi64(_mm_srli_si128(eight, 8)))}};
  }
};

// The nibbles of words, a byte each, which names a row of DIFFERENCES.
constexpr int NIBBLES = 16;  // of a word

inline void spread(const Word* words, int count, std::uint8_t* nibbles) {
  const __m128i high = _mm_set1_epi8(static_cast<char>(0xf0));
  for (int word = 0; word < count; word++, nibbles += NIBBLES) {
    const __m128i bytes = _mm_loadl_epi64(reinterpret_cast<const __m128i*>(words + word));
    const __m128i spread = _mm_unpacklo_epi8(_mm_slli_epi16(bytes, 4), bytes);
    _mm_store_si128(reinterpret_cast<__m128i*>(nibbles), _mm_and_si128(spread, high));
  }
}

// The lines under line `y` of windows, of which the one before has left what they share.
inline void spread_line(const Layer& layer, const Word* line, int y, std::uint8_t* nibbles) {
  const int kept = y == 0 ? 0 : layer.lookups.kept, reach = layer.lookups.reach;
  if (kept > 0) std::memmove(nibbles, nibbles + (reach - kept) * NIBBLES, static_cast<std::size_t>(kept) * NIBBLES);
  spread(line + kept, reach - kept, nibbles + kept * NIBBLES);
}

// WINDOWS windows or planes, `across` bytes apart, one plane of each, against BLOCKS blocks of rows.
template <int WINDOWS, int BLOCKS>
REBNET_INLINE inline void look_up(const Layer& layer, const std::uint8_t* first, int across,
                                  const std::uint8_t* weights, Counts (&counts)[WINDOWS * BLOCKS]) {
  constexpr int ALL = WINDOWS * BLOCKS, MOST = 255 / 4,
                STEP = Lookups::BITS / 4;  // nibbles that a byte counts; of a step
  const int words = layer.words;
  const int *offsets = layer.offsets.data(), *steps = layer.lookups.steps.data();
  const std::size_t next = layer.lookups.block_bytes;
  __m256i bytes[ALL];
  repeat<ALL>([&](auto i) REBNET_INLINE {
    bytes[i] = _mm256_setzero_si256();
    counts[i] = Counts{};
  });
  int left = MOST;
  for (int word = 0; word < words; word++) {
    const std::uint8_t* there = first + static_cast<std::ptrdiff_t>(offsets[word]) * NIBBLES;
    if (left < steps[word] * STEP) {
      repeat<ALL>([&](auto i) REBNET_INLINE {
        counts[i].add(bytes[i]);
        bytes[i] = _mm256_setzero_si256();
      });
      left = MOST;
    }
    left -= steps[word] * STEP;
    for (int step = 0; step < steps[word]; step++, there += STEP) {
      repeat<STEP>([&](auto nibble) REBNET_INLINE {
        __m256i own[BLOCKS];
        repeat<BLOCKS>([&](auto block) REBNET_INLINE {
          own[block] = vector_at(weights + block * next);
          if (WINDOWS > 1) pin(own[block]);
        });
        repeat<WINDOWS>([&](auto window) REBNET_INLINE {
          const std::uint8_t* row = DIFFERENCES.data() + there[window * across + nibble];
          const __m256i table = _mm256_broadcastsi128_si256(_mm_load_si128(reinterpret_cast<const __m128i*>(row)));
          repeat<BLOCKS>([&](auto block) REBNET_INLINE {
            __m256i& sum = bytes[window * BLOCKS + block];
            sum = _mm256_add_epi8(sum, _mm256_shuffle_epi8(table, own[block]));
            pin(sum);
          });
        });
        weights += Lookups::ROWS;
      });
    }
  }
  repeat<ALL>([&](auto i) REBNET_INLINE { counts[i].add(bytes[i]); });
}

// What a line of windows is looked up for.
struct LookedUp {
  const Layer& layer;
  const Finish& finish;
  const Encode32& encode;
  const std::int64_t* gains;
  int planes, pixel_words;
};

// The codes of WINDOWS windows, where sums fit 32 bits.
template <int WINDOWS, int BLOCKS>
REBNET_ALONE void look_up_codes(const LookedUp& line, const std::uint8_t* first, int block, Word* pixel) {
  constexpr int ALL = WINDOWS * BLOCKS;
  const Layer& layer = line.layer;
  const Encode32 encode = line.encode;
  const int across = layer.across * NIBBLES, plane_bytes = layer.plane_words * NIBBLES;
  const std::uint8_t* weights =
      layer.lookups.weights.data() + static_cast<std::size_t>(block) * layer.lookups.block_bytes;
  Counts counts[2][ALL];
  if (encode.single()) {
    look_up<WINDOWS, BLOCKS>(layer, first, across, weights, counts[0]);
    repeat<ALL>([&](auto i) REBNET_INLINE {
      encode.compare(block + i % BLOCKS, counts[0][i].halves, pixel + i / BLOCKS * line.pixel_words);
    });
    return;
  }
  Sums32 sums[ALL];
  for (int i = 0; i < ALL; i++) sums[i] = encode.start(block + i % BLOCKS);
  for (int plane = 0; plane < line.planes; plane += 2) {
    const bool two = plane + 1 < line.planes;
    const std::uint8_t* own = first + plane * plane_bytes;
    if constexpr (WINDOWS == 1) {
      two ? look_up<2, BLOCKS>(layer, own, plane_bytes, weights, reinterpret_cast<Counts(&)[2 * BLOCKS]>(counts))
          : look_up<1, BLOCKS>(layer, own, plane_bytes, weights, counts[0]);
    } else {
      for (int one = 0; one <= static_cast<int>(two); one++) {
        look_up<WINDOWS, BLOCKS>(layer, own + one * plane_bytes, across, weights, counts[one]);
      }
    }
    const std::int64_t second = two ? line.gains[plane + 1] : 0;
    const __m256i gains = _mm256_set1_epi32(static_cast<int>(second << 16 | line.gains[plane]));
    for (int i = 0; i < ALL; i++) sums[i].take(counts[0][i].halves, counts[two][i].halves, gains);
  }
  for (int i = 0; i < ALL; i++) encode(block + i % BLOCKS, sums[i], pixel + i / BLOCKS * line.pixel_words);
}

// The same of any sums, and what becomes of them.
template <int WINDOWS, int BLOCKS>
REBNET_ALONE void look_up_sums(const LookedUp& line, const std::uint8_t* first, int block, Word* pixel) {
  constexpr int PARTS = Lookups::ROWS / LANES;
  const Layer& layer = line.layer;
  const Finish& finish = line.finish;
  const std::uint8_t* weights =
      layer.lookups.weights.data() + static_cast<std::size_t>(block) * layer.lookups.block_bytes;
  const int lanes = block * PARTS, there = std::min(BLOCKS * PARTS, layer.row_blocks - lanes);
  Signed residuals[WINDOWS][BLOCKS * PARTS];
  for (int plane = 0; plane < line.planes; plane++) {
    Counts counts[WINDOWS * BLOCKS];
    look_up<WINDOWS, BLOCKS>(layer, first + plane * layer.plane_words * NIBBLES, layer.across * NIBBLES, weights,
                             counts);
    const Signed gain = Signed{} + line.gains[plane];
    for (int part = 0; part < there; part++) {
      const Signed start = plane ? Signed{} : finish.start(lanes + part);
      for (int window = 0; window < WINDOWS; window++) {
        const Signed counted = times(counts[window * BLOCKS + part / PARTS].lanes(part % PARTS), gain);
        residuals[window][part] = (plane ? residuals[window][part] : start) - counted;
      }
    }
  }
  for (int part = 0; part < there; part++) {
    for (int window = 0; window < WINDOWS; window++) {
      finish(lanes + part, residuals[window][part], pixel + window * line.pixel_words);
    }
  }
}

// Calls function(block, how many) for all of `blocks`, MOST together while there are so many: 1, 2 or 4, as a type.
template <int MOST, typename Function>
REBNET_INLINE inline void for_blocks(int blocks, Function function) {
  int block = 0;
  for (; block + MOST <= blocks; block += MOST) function(block, std::integral_constant<int, MOST>{});
  if constexpr (MOST > 2) {
    if (block + 2 <= blocks) function(block, std::integral_constant<int, 2>{}), block += 2;
  }
  if constexpr (MOST > 1) {
    if (block < blocks) function(block, std::integral_constant<int, 1>{});
  }
}

// WINDOWS windows against all rows.
template <int WINDOWS>
void look_up_windows(const LookedUp& line, const std::uint8_t* first, Word* pixel) {
  for_blocks<WINDOWS == 1 ? 4 : 2>(line.layer.lookups.blocks, [&](int block, auto together) {
    line.layer.encoding.blocks > 0 ? look_up_codes<WINDOWS, together>(line, first, block, pixel)
                                   : look_up_sums<WINDOWS, together>(line, first, block, pixel);
  });
}

using LookUp = void (*)(const LookedUp&, const std::uint8_t*, Word*);
constexpr LookUp LOOK_UPS[3] = {look_up_windows<1>, look_up_windows<2>, look_up_windows<4>};

// A line of windows.
inline void look_up_line(const Layer& layer, const Finish& finish, const Encode32& encode, int set,
                         const std::uint8_t* nibbles, Word* out, int pixel_words) {
  const int across = layer.across * NIBBLES;
  const LookedUp line{layer,
                      finish,
                      encode,
                      layer.gains.data() + static_cast<std::size_t>(set) * layer.planes,
                      layer.planes_used[set],
                      pixel_words};
  for (int x = 0, power = 2; x < layer.out_width; x += 1 << power) {
    while (x + (1 << power) > layer.out_width) power--;
    LOOK_UPS[power](line, nibbles + static_cast<std::ptrdiff_t>(x) * across,
                    out + static_cast<std::ptrdiff_t>(x) * pixel_words);
  }
}
#endif

}  // namespace
}  // namespace rebnet::REBNET_ISA
