// Bits counted by tables: how four bits of a window differ from every four weights there could be. Included by
// run_image.cpp, once for each instruction set; for processors with AVX2 that have no count of bits.
#pragma once

#include <array>
#include <cstring>

#include "layers.hpp"

namespace rebnet::REBNET_ISA {
namespace {

#if defined(__AVX2__) && !defined(__AVX512VPOPCNTDQ__)
constexpr bool LOOKUPS = true;

// [four bits][four weights]: how many differ.
constexpr std::array<std::uint8_t, 256> differences() {
  std::array<std::uint8_t, 256> found{};
  for (unsigned pair = 0; pair < 256; pair++) {
    const unsigned differing = (pair >> 4) ^ (pair & 15);
    found[pair] =
        static_cast<std::uint8_t>((differing & 1) + (differing >> 1 & 1) + (differing >> 2 & 1) + (differing >> 3));
  }
  return found;
}
alignas(64) constexpr std::array<std::uint8_t, 256> DIFFERENCES = differences();

// Counts of Lookups::ROWS rows, in 16 bits: of the first half of them, and of the second.
struct Counts {
  __m256i halves[2];

  void add(__m256i bytes) {
    halves[0] = _mm256_add_epi16(halves[0], _mm256_and_si256(bytes, _mm256_set1_epi16(255)));
    halves[1] = _mm256_add_epi16(halves[1], _mm256_srli_epi16(bytes, 8));
  }
  // Of LANES rows.
  Lanes lanes(int part) const {
    const __m256i half = halves[part / 2];
    const __m128i eight = part % 2 ? _mm256_extracti128_si256(half, 1) : _mm256_castsi256_si128(half);
    return {{reinterpret_cast<Register>(_mm256_cvtepu16_epi64(eight)),
             reinterpret_cast<Register>(_mm256_cvtepu16_epi64(_mm_srli_si128(eight, 8)))}};
  }
};

// WINDOWS windows, `across` words apart, one plane of each, against BLOCKS blocks of rows.
template <int WINDOWS, int BLOCKS>
inline void look_up(const Layer& layer, const Word* first, int across, const std::uint8_t* weights,
                    Counts (&counts)[WINDOWS][BLOCKS]) {
  constexpr int MOST = 255 / 4, NIBBLES = Lookups::BITS / 4;  // nibbles that a byte counts; of a step
  const int words = layer.words;
  const int *offsets = layer.offsets.data(), *steps = layer.lookups.steps.data();
  const std::size_t next = layer.lookups.block_bytes;
  __m256i bytes[WINDOWS][BLOCKS] = {};
  for (auto& window : counts) {
    for (Counts& block : window) block = Counts{};
  }
  int left = MOST;
  for (int word = 0; word < words; word++) {
    const Word* there = first + offsets[word];
    Word bits[WINDOWS];
    for (int window = 0; window < WINDOWS; window++) bits[window] = there[window * across];
    if (left < steps[word] * NIBBLES) {
      for (int window = 0; window < WINDOWS; window++) {
        for (int block = 0; block < BLOCKS; block++) {
          counts[window][block].add(bytes[window][block]);
          bytes[window][block] = _mm256_setzero_si256();
        }
      }
      left = MOST;
    }
    left -= steps[word] * NIBBLES;
    for (int step = 0; step < steps[word]; step++) {
#pragma GCC unroll 8
      for (int nibble = 0; nibble < NIBBLES; nibble++, weights += Lookups::ROWS) {
        __m256i own[BLOCKS];
        for (int block = 0; block < BLOCKS; block++) {
          own[block] = _mm256_load_si256(reinterpret_cast<const __m256i*>(weights + block * next));
        }
        for (int window = 0; window < WINDOWS; window++) {
          const std::uint8_t* row = DIFFERENCES.data() + (bits[window] >> 4 * nibble & 15) * 16;
          const __m256i table = _mm256_broadcastsi128_si256(_mm_load_si128(reinterpret_cast<const __m128i*>(row)));
          for (int block = 0; block < BLOCKS; block++) {
            bytes[window][block] = _mm256_add_epi8(bytes[window][block], _mm256_shuffle_epi8(table, own[block]));
          }
        }
      }
      for (int window = 0; window < WINDOWS; window++) bits[window] >>= Lookups::BITS;
    }
  }
  for (int window = 0; window < WINDOWS; window++) {
    for (int block = 0; block < BLOCKS; block++) counts[window][block].add(bytes[window][block]);
  }
}

// The same of all planes, and what becomes of it.
template <int WINDOWS, int BLOCKS>
void look_up_planes(const Layer& layer, const Finish& finish, const std::int64_t* gains, int planes, const Word* first,
                    int across, int block, Word* pixel, int pixel_words) {
  constexpr int PARTS = Lookups::ROWS / LANES;
  const std::uint8_t* weights =
      layer.lookups.weights.data() + static_cast<std::size_t>(block) * layer.lookups.block_bytes;
  const int lanes = block * PARTS, there = std::min(BLOCKS * PARTS, layer.row_blocks - lanes);
  Signed residuals[WINDOWS][BLOCKS * PARTS];
  for (int plane = 0; plane < planes; plane++) {
    Counts counts[WINDOWS][BLOCKS];
    look_up<WINDOWS, BLOCKS>(layer, first + plane * layer.plane_words, across, weights, counts);
    const Signed gain = Signed{} + gains[plane];
    for (int part = 0; part < there; part++) {
      const Signed start = plane ? Signed{} : finish.start(lanes + part);
      for (int window = 0; window < WINDOWS; window++) {
        const Signed counted = times(counts[window][part / PARTS].lanes(part % PARTS), gain);
        residuals[window][part] = (plane ? residuals[window][part] : start) - counted;
      }
    }
  }
  for (int part = 0; part < there; part++) {
    for (int window = 0; window < WINDOWS; window++) {
      finish(lanes + part, residuals[window][part], pixel + window * pixel_words);
    }
  }
}

using LookUp = void (*)(const Layer&, const Finish&, const std::int64_t*, int, const Word*, int, int, Word*, int);

// A line of windows.
inline void look_up_line(const Layer& layer, const Finish& finish, const std::int64_t* gains, int planes,
                         const Word* line, Word* out, int pixel_words) {
  constexpr LookUp CHOICES[2][2] = {{look_up_planes<1, 1>, look_up_planes<1, 2>},
                                    {look_up_planes<2, 1>, look_up_planes<2, 2>}};
  const int blocks = layer.lookups.blocks, across = layer.across;
  for (int x = 0; x < layer.out_width; x += 2) {
    const int windows = std::min(2, layer.out_width - x);
    for (int block = 0; block < blocks; block += 2) {
      CHOICES[windows - 1][std::min(2, blocks - block) - 1](layer, finish, gains, planes, line + x * across, across,
                                                            block, out + x * pixel_words, pixel_words);
    }
  }
}
#else
constexpr bool LOOKUPS = false;

inline void look_up_line(const Layer&, const Finish&, const std::int64_t*, int, const Word*, Word*, int) {}
#endif

}  // namespace
}  // namespace rebnet::REBNET_ISA
