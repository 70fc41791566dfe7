// Layers and pools on packed codes. Included by run_image.cpp, once for each instruction set.
#pragma once

#include <algorithm>
#include <cstring>

#include "lanes.hpp"
#include "network.hpp"
#if defined(__AVX512VNNI__)
#include "encode.hpp"
#endif

namespace rebnet::REBNET_ISA {
namespace {

// Where a map goes: codes and features to the map behind, or to what is pooled first; scores, a word each, to the
// caller.
struct Target {
  Word* first;
  int line, pixel;
};

#if defined(__AVX512VNNI__)
// Codes of 64 rows, from eight blocks of residuals of level 1.
template <int LEVELS, bool NARROW>
void encode_group(const Layer& layer, int set, int group, const Signed* residuals, Word* out) {
  const __m512i halves = _mm512_setr_epi32(0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30);
  const __m512i first = _mm512_setr_epi32(0, 1, 2, 3, 8, 9, 10, 11, 16, 17, 18, 19, 24, 25, 26, 27);
  const __m512i second = _mm512_add_epi32(first, _mm512_set1_epi32(4));
  __m512i sums[4];  // row 16 a + 4 t + k to column 4 a + k of tile t
  for (int half = 0; half < 2; half++) {
    __m512i blocks[4];
    for (int block = 0; block < 4; block++) blocks[block] = _mm512_load_si512(residuals + 2 * block + half);
    const __m512i upper = _mm512_permutex2var_epi32(blocks[0], halves, blocks[1]);
    const __m512i lower = _mm512_permutex2var_epi32(blocks[2], halves, blocks[3]);
    sums[2 * half] = _mm512_permutex2var_epi32(upper, first, lower);
    sums[2 * half + 1] = _mm512_permutex2var_epi32(upper, second, lower);
  }
  const int words = layer.out_words();
  const Algorithm1<LEVELS, NARROW> encode(layer, set);
  encode(group, sums, [&](int level, __mmask64 zeros) { out[level * words + group] = ~zeros; });
}

using EncodeGroup = void (*)(const Layer&, int, int, const Signed*, Word*);

EncodeGroup group_encoder(const Layer& layer) {
  return by_levels(layer, [](auto kind) -> EncodeGroup { return encode_group<kind.LEVELS, kind.NARROW>; });
}
#endif

// What becomes of A less the threshold, LANES rows at a time: codes by Algorithm 1, features, or scores.
class Finish {
 public:
  Finish(const Layer& layer, int set)
      : layer_(layer), set_(set), levels_(layer.levels_out), stride_(layer.out_words() * sizeof(Word)) {
    const std::size_t blocks = static_cast<std::size_t>(set) * layer.row_blocks;
    starts_ = layer.starts.data() + blocks * LANES;
    rests_ = layer.rests.data() + blocks * LANES;
    if (!layer.slopes.empty()) slopes_ = layer.slopes.data() + blocks * LANES;
    bases_ = layer.bases.data() + (slopes_ ? blocks * LANES : 0);
    steps_ = layer.steps.data() + blocks * layer.row_steps * LANES;
#if defined(__AVX512VNNI__)
    if (layer.levels_out && layer.tiles.groups) encoder_ = group_encoder(layer);
#endif
  }

#if defined(__AVX512VNNI__)
  // Whether sums fit 32 bits, so that 64 rows are encoded together.
  bool groups() const { return encoder_ != nullptr; }
  void encode_group(int group, const Signed* residuals, Word* pixel) const {
    encoder_(layer_, set_, group, residuals, pixel);
  }
#endif

  // What the counts or products of a block of rows are added to or taken from.
  Signed start(int block) const { return load(starts_ + block * LANES); }

  void operator()(int block, Signed residual, Word* pixel) const {
    if (levels_ == 0) return slopes_ ? rescale(block, residual, pixel) : score(block, residual, pixel);
    std::uint8_t* out = reinterpret_cast<std::uint8_t*>(pixel) + block;
    *out = not_negative(residual);
    if (layer_.shift) residual = (residual << layer_.shift) + load(rests_ + block * LANES);
    const std::int64_t* steps = steps_ + static_cast<std::ptrdiff_t>(block) * layer_.row_steps * LANES;
    if (layer_.tree) return by_tree(residual, steps, out);
    for (int level = 1; level < levels_; level++, steps += LANES) {
      residual = next(residual, load(steps));
      out += stride_;
      *out = not_negative(residual);
    }
  }

 private:
  void by_tree(Signed residual, const std::int64_t* steps, std::uint8_t* out) const {
    int so_far[LANES] = {};
    for (int level = 1; level < levels_; level++) {
      std::int64_t chosen[LANES];
      for (int lane = 0; lane < LANES; lane++) {
        so_far[lane] = 2 * so_far[lane] + (residual[lane] >= 0);
        chosen[lane] = steps[so_far[lane] * LANES + lane];
      }
      steps += (std::ptrdiff_t{1} << level) * LANES;
      residual = next(residual, load(chosen));
      out += stride_;
      *out = not_negative(residual);
    }
  }

  void score(int block, Signed residual, Word* pixel) const {
    std::int64_t* scores = reinterpret_cast<std::int64_t*>(pixel);
    for (int row = block * LANES; row < layer_.rows && row < (block + 1) * LANES; row++) {
      scores[row] = layer_.score(set_, row, residual[row % LANES]);
    }
  }

  void rescale(int block, Signed a, Word* pixel) const {
    const Signed sums = product(a, load(slopes_ + block * LANES)) + load(bases_ + block * LANES);
    store(reinterpret_cast<std::int32_t*>(pixel) + block * LANES, sums >> layer_.down);
  }

  const Layer& layer_;
  int set_;
  int levels_;
  std::size_t stride_;
  const std::int64_t* starts_;
  const std::int64_t* rests_;
  const std::int64_t* steps_;
  const std::int64_t* slopes_ = nullptr;
  const std::int64_t* bases_;
#if defined(__AVX512VNNI__)
  EncodeGroup encoder_ = nullptr;
#endif
};

// WINDOWS windows, `across` words apart, against all rows.
template <int PLANES, int WINDOWS>
void count_bits(const Layer& layer, const Finish& finish, const std::int64_t* gains, const Word* first, int across,
                Word* pixel, int pixel_words) {
  const int* offsets = layer.offsets.data();
  const Word* weights = layer.weights.data();
  const int words = layer.words, plane_words = layer.plane_words, blocks = layer.row_blocks;
  const Finish done = finish;
#if defined(__AVX512VNNI__)
  Signed kept[WINDOWS][Tiles::ROWS / LANES];  // residuals of a group
#endif
  Signed gain[PLANES];
  for (int plane = 0; plane < PLANES; plane++) gain[plane] = Signed{} + gains[plane];
  for (int block = 0; block < blocks; block++) {
    Lanes differing[WINDOWS][PLANES];
    for (auto& window : differing) {
      for (Lanes& plane : window) plane = Lanes{};
    }
    for (int word = 0; word < words; word++, weights += LANES) {
      const Lanes weight = load(weights);
      const Word* there = first + offsets[word];
      for (int window = 0; window < WINDOWS; window++) {
        for (int plane = 0; plane < PLANES; plane++) {
          differing[window][plane].count(weight, there[window * across + plane * plane_words]);
        }
      }
    }
    const Signed start = done.start(block);
    Signed residuals[WINDOWS];
#pragma GCC unroll 6
    for (int window = 0; window < WINDOWS; window++) {
      residuals[window] = start;
      for (int plane = 0; plane < PLANES; plane++) residuals[window] -= times(differing[window][plane], gain[plane]);
    }
#if defined(__AVX512VNNI__)
    if (done.groups()) {
      for (int window = 0; window < WINDOWS; window++) kept[window][block % 8] = residuals[window];
      if (block % 8 != 7 && block + 1 != blocks) continue;
      for (int window = 0; window < WINDOWS; window++) {
        for (int surplus = block % 8 + 1; surplus < 8; surplus++) kept[window][surplus] = Signed{} + -1;
        done.encode_group(block / 8, kept[window], pixel + window * pixel_words);
      }
      continue;
    }
#endif
#pragma GCC unroll 6
    for (int window = 0; window < WINDOWS; window++) done(block, residuals[window], pixel + window * pixel_words);
  }
}

using CountBits = void (*)(const Layer&, const Finish&, const std::int64_t*, const Word*, int, Word*, int);

// By planes and windows: as many windows share a load of weights as have six planes together.
constexpr CountBits COUNT_BITS[MAX_PLANES][6] = {
    {count_bits<1, 1>, count_bits<1, 2>, count_bits<1, 3>, count_bits<1, 4>, count_bits<1, 5>, count_bits<1, 6>},
    {count_bits<2, 1>, count_bits<2, 2>, count_bits<2, 3>},
    {count_bits<3, 1>, count_bits<3, 2>},
    {count_bits<4, 1>},
    {count_bits<5, 1>},
    {count_bits<6, 1>},
    {count_bits<7, 1>},
    {count_bits<8, 1>}};

// A window of more planes than that, as stacks of codes have, or weights of several: one plane after the other.
void count_stack(const Layer& layer, const Finish& finish, const std::int64_t* gains, const Word* window, int planes,
                 Word* pixel) {
  const int words = layer.words, plane_words = layer.plane_words, blocks = layer.row_blocks;
  for (int block = 0; block < blocks; block++) {
    Signed residual = finish.start(block);
    for (int own = 0; own < layer.weight_planes(); own++) {
      const std::int64_t weight_gain = layer.weight_gains[own];
      for (int plane = 0; plane < planes; plane++) {
        const Word* weights =
            layer.weights.data() + (static_cast<std::ptrdiff_t>(own) * blocks + block) * words * LANES;
        Lanes differing{};
        for (int word = 0; word < words; word++, weights += LANES) {
          differing.count(load(weights), window[layer.offsets[word] + plane * plane_words]);
        }
        residual -= times(differing, Signed{} + gains[plane] * weight_gain);
      }
    }
    finish(block, residual, pixel);
  }
}

// The bits of every window's lines, put together.
void gather(const Layer& layer, const Word* map, Word* out) {
  const int planes = layer.planes, words = layer.plane_words,
            lines = (layer.out_height - 1) * layer.window.stride_h + layer.window.kernel_h;
  for (int y = 0; y < lines; y++, map += layer.source_line, out += layer.line) {
    std::memset(out, 0, static_cast<std::size_t>(layer.line) * sizeof(Word));
    for (int kx = 0; kx < layer.window.kernel_w; kx++) {
      const int shift = kx * layer.channels % 64;
      const Word* from = map + kx * planes;
      Word* to = out + kx * layer.channels / 64;
      if (words == 1 && layer.window.stride_w == 1) {
        for (int bits = 0; bits < layer.line; bits++) to[bits] |= from[bits] << shift;
        continue;
      }
      const bool two = shift + layer.channels > 64;
      for (int x = 0; x < layer.out_width; x++, from += layer.window.stride_w * planes) {
        for (int plane = 0; plane < planes; plane++, to += words) {
          to[0] |= from[plane] << shift;
          if (two) to[1] |= from[plane] >> (64 - shift);
        }
      }
    }
  }
}

// Where codes and pixels are looked up, of one thread.
struct Places {
  std::uint8_t *nibbles, *tables;
  int* places;

  explicit Places(Workspace& space)
      : nibbles(space.nibbles.data()), tables(space.tables.data()), places(space.places.data()) {}
};

// What is done behind a line: nothing.
struct Nothing {
  void operator()(int) const {}
};

// A pool of codes: its window, its output, and the map in front of it.
struct CodePool {
  Window window;
  int height, width;          // of what it gives
  int map_height, map_width;  // of what lies in front
  int words, levels;          // of a plane of a pixel; of a code
  int line, pixel;            // words
};

// Largest codes, 64 channels at a time: the first plane in which two codes differ decides.
void pool(const CodePool& shape, const Word* map, const Target& target) {
  const int words = shape.words, levels = shape.levels;
  for (int y = 0; y < shape.height; y++) {
    const Part rows = shape.window.rows(y, shape.map_height);
    for (int x = 0; x < shape.width; x++) {
      const Part columns = shape.window.columns(x, shape.map_width);
      for (int word = 0; word < words; word++) {
        Word largest[MAX_PLANES] = {};
        for (int row = rows.first; row < rows.end; row++) {
          for (int column = columns.first; column < columns.end; column++) {
            const Word* code = map + static_cast<std::ptrdiff_t>(row) * shape.line + column * shape.pixel + word;
            Word larger = 0, equal = ~Word{0};
            for (int level = 0; level < levels; level++) {
              larger |= equal & code[level * words] & ~largest[level];
              equal &= ~(code[level * words] ^ largest[level]);
            }
            for (int level = 0; level < levels; level++) {
              largest[level] = (code[level * words] & larger) | (largest[level] & ~larger);
            }
          }
        }
        Word* out = target.first + static_cast<std::ptrdiff_t>(y) * target.line + x * target.pixel + word;
        for (int level = 0; level < levels; level++) out[level * words] = largest[level];
      }
    }
  }
}

}  // namespace
}  // namespace rebnet::REBNET_ISA
