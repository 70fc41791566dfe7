// A layer that reads pixels. Included by run_image.cpp, once for each instruction set.
#pragma once

#include "sums_avx2.hpp"

namespace rebnet::REBNET_ISA {
namespace {

// The image with padding around it, and with as many bits as are used.
void copy_image(const Layer& layer, const std::uint8_t* image, std::uint8_t* map) {
  const int bytes = layer.width * layer.channels;
  for (int y = 0; y < layer.height; y++, image += bytes) {
    std::uint8_t* line = map + layer.origin + static_cast<std::ptrdiff_t>(y) * layer.line;
    copy_pixels(line, image, static_cast<std::size_t>(bytes), layer.planes);
  }
}

#if defined(REBNET_ALONE_AVX2)
// What 32 rows of WINDOWS windows, which stand `across` bytes apart, are after `quads` times four bytes. A product of
// two bytes and two weights is within 510, and so many of them stay in 16 bits.
template <int WINDOWS>
REBNET_INLINE inline void multiply_quads(const std::uint8_t* windows, std::ptrdiff_t across, int quads,
                                         const std::int8_t* weights, __m256i (&sums)[WINDOWS * 4]) {
  constexpr int PARTS = 4, ALL = WINDOWS * PARTS, MOST = 64;
  static_assert(MOST * 2 * 255 < 1 << 15);
  const __m256i ones = _mm256_set1_epi16(1);
  for (int quad = 0; quad < quads;) {
    const int end = std::min(quads, quad + MOST);
    __m256i some[ALL];
    repeat<ALL>([&](auto i) REBNET_INLINE { some[i] = _mm256_setzero_si256(); });
    for (; quad < end; quad++, windows += 4, weights += 4 * Encoding::ROWS) {
      __m256i bytes[WINDOWS];
      repeat<WINDOWS>([&](auto window) REBNET_INLINE {
        std::int32_t four;
        std::memcpy(&four, windows + window * across, 4);
        bytes[window] = _mm256_set1_epi32(four);
      });
      repeat<PARTS>([&](auto part) REBNET_INLINE {
        __m256i rows = vector_at(weights + part * 32);
        if (WINDOWS > 1) pin(rows);
        repeat<WINDOWS>([&](auto window) REBNET_INLINE {
          __m256i& sum = some[window * PARTS + part];
          sum = _mm256_add_epi16(sum, _mm256_maddubs_epi16(bytes[window], rows));
          pin(sum);
        });
      });
    }
    repeat<ALL>([&](auto i) REBNET_INLINE { sums[i] = _mm256_add_epi32(sums[i], _mm256_madd_epi16(some[i], ones)); });
  }
}

// WINDOWS windows of pixels, which stand one behind the other, against all rows, 32 together.
template <int WINDOWS>
void multiply_blocks(const Layer& layer, const Encode32& encode, const std::uint8_t* windows, Word* pixel,
                     int pixel_words) {
  const int quads = layer.quads(), blocks = layer.encoding.blocks;
  const std::int8_t* weights = layer.encoding.weights.data();
  const Encode32 own = encode;
  for (int block = 0; block < blocks; block++, weights += static_cast<std::ptrdiff_t>(quads) * 4 * Encoding::ROWS) {
    __m256i sums[WINDOWS * 4];
    const Sums32 start = own.start(block);
    for (int i = 0; i < WINDOWS * 4; i++) sums[i] = start.part[i % 4];
    multiply_quads<WINDOWS>(windows, std::ptrdiff_t{4} * quads, quads, weights, sums);
    for (int window = 0; window < WINDOWS; window++) {
      const __m256i* sum = sums + window * 4;
      own(block, Sums32{{sum[0], sum[1], sum[2], sum[3]}}, pixel + window * pixel_words);
    }
  }
}
#endif

// WINDOWS windows of pixels, which stand one behind the other, against all rows, BLOCKS times 16 together.
template <int WINDOWS, int BLOCKS>
void multiply_pixels(const Layer& layer, const Finish& finish, const std::uint8_t* windows, Word* pixel,
                     int pixel_words) {
  const int quads = layer.quads(), blocks = (layer.row_blocks * LANES + ROWS - 1) / ROWS;
  const Finish done = finish;
  for (int first = 0; first < blocks; first += BLOCKS) {
    const std::int8_t* weights[BLOCKS];  // of blocks behind the last, those of the last
    for (int block = 0; block < BLOCKS; block++) {
      weights[block] =
          layer.bytes.data() + static_cast<std::ptrdiff_t>(std::min(first + block, blocks - 1)) * quads * 4 * ROWS;
    }
    Sums sums[BLOCKS][WINDOWS];
    for (auto& block : sums) {
      for (Sums& sum : block) sum = Sums{};
    }
    for (int quad = 0; quad < quads; quad++) {
      for (int block = 0; block < BLOCKS; block++) {
        for (int window = 0; window < WINDOWS; window++) {
          sums[block][window] = multiply(sums[block][window], weights[block], windows + 4 * (window * quads + quad));
        }
        weights[block] += 4 * ROWS;
      }
    }
    for (int block = 0; block < BLOCKS; block++) {
      for (int half = 0; half < ROWS / LANES; half++) {
        const int lanes = (first + block) * (ROWS / LANES) + half;
        if (lanes >= layer.row_blocks) break;
        const Signed start = done.start(lanes);
        for (int window = 0; window < WINDOWS; window++) {
          done(lanes, start + widened(sums[block][window], half), pixel + window * pixel_words);
        }
      }
    }
  }
}

// A window of pixels, weights of several planes: one plane after the other.
void multiply_planes(const Layer& layer, const Finish& finish, const std::uint8_t* window, Word* pixel) {
  const int quads = layer.quads(), blocks = (layer.row_blocks * LANES + ROWS - 1) / ROWS;
  for (int block = 0; block < blocks; block++) {
    Signed totals[ROWS / LANES];
    for (int half = 0; half < ROWS / LANES; half++) {
      const int lanes = block * (ROWS / LANES) + half;
      totals[half] = lanes < layer.row_blocks ? finish.start(lanes) : Signed{};
    }
    for (int own = 0; own < layer.weight_planes(); own++) {
      const std::int8_t* weights =
          layer.bytes.data() + (static_cast<std::ptrdiff_t>(own) * blocks + block) * quads * 4 * ROWS;
      Sums sums{};
      for (int quad = 0; quad < quads; quad++, weights += 4 * ROWS) sums = multiply(sums, weights, window + 4 * quad);
      for (int half = 0; half < ROWS / LANES; half++) {
        totals[half] += product(widened(sums, half), Signed{} + layer.weight_gains[own]);
      }
    }
    for (int half = 0; half < ROWS / LANES; half++) {
      const int lanes = block * (ROWS / LANES) + half;
      if (lanes < layer.row_blocks) finish(lanes, totals[half], pixel);
    }
  }
}

#if defined(__AVX512VNNI__)
// The same, 64 rows together, with the constants of tiles; codes are words of 64 bits.
template <int LEVELS, bool NARROW, int WINDOWS>
void multiply_groups(const Layer& layer, int set, const std::uint8_t* windows, Word* pixel, int pixel_words) {
  const Algorithm1<LEVELS, NARROW> encode(layer, set);
  const Tiles& tiles = layer.tiles;
  const int quads = layer.quads(), words = layer.out_words(), groups = tiles.groups;
  const std::size_t tile_bytes = static_cast<std::size_t>(LINE) * 16, step_bytes = 2 * tile_bytes;
  for (int group = 0; group < groups; group++) {
    const std::int32_t* start = tiles.starts.data() + (static_cast<std::ptrdiff_t>(set) * groups + group) * Tiles::ROWS;
    __m512i sums[WINDOWS][4];
    for (auto& window : sums) {
      for (int tile = 0; tile < 4; tile++) window[tile] = _mm512_load_si512(start + tile * 16);
    }
    const std::int8_t* left = tiles.weights.data() + static_cast<std::size_t>(group) * 2 * tiles.steps * step_bytes;
    const std::int8_t* right = left + static_cast<std::size_t>(tiles.steps) * step_bytes;
    for (int quad = 0; quad < quads; quad++) {
      const std::size_t place = static_cast<std::size_t>(quad / 16) * step_bytes + quad % 16 * LINE;
      const __m512i weights[4] = {_mm512_load_si512(left + place), _mm512_load_si512(left + place + tile_bytes),
                                  _mm512_load_si512(right + place), _mm512_load_si512(right + place + tile_bytes)};
      for (int window = 0; window < WINDOWS; window++) {
        std::int32_t bytes;
        std::memcpy(&bytes, windows + 4 * (window * quads + quad), 4);
        const __m512i four = _mm512_set1_epi32(bytes);
        for (int tile = 0; tile < 4; tile++)
          sums[window][tile] = _mm512_dpbusd_epi32(sums[window][tile], four, weights[tile]);
      }
    }
    for (int window = 0; window < WINDOWS; window++) {
      Word* out = pixel + window * pixel_words + group;
      encode(group, sums[window], [&](int level, __mmask64 zeros) { out[level * words] = ~zeros; });
    }
  }
}

using MultiplyGroups = void (*)(const Layer&, int, const std::uint8_t*, Word*, int);

template <int WINDOWS>
MultiplyGroups group_multiplication(const Layer& layer) {
  return by_levels(layer,
                   [](auto kind) -> MultiplyGroups { return multiply_groups<kind.LEVELS, kind.NARROW, WINDOWS>; });
}
#endif

// A whole line of windows, so that they are stored before they are read.
inline void gather_windows(const Layer& layer, const std::uint8_t* map, int y, std::uint8_t* windows) {
  const int span = layer.window.kernel_w * layer.channels, size = 4 * layer.quads(),
            across = layer.window.stride_w * layer.pixel;
  const std::uint8_t* first = map + static_cast<std::ptrdiff_t>(y) * layer.window.stride_h * layer.line;
  for (int x = 0; x < layer.out_width; x++, first += across, windows += size) {
    // in order: what a copy takes too much, the next one overwrites
    for (int ky = 0; ky < layer.window.kernel_h; ky++) {
      for (int byte = 0; byte < span; byte += 8)
        std::memcpy(windows + ky * span + byte, first + ky * layer.line + byte, 8);
    }
  }
}

// `map` is where the image gets its padding.
template <typename Behind = Nothing>
void run_pixels(const Layer& layer, std::uint8_t* map, std::uint8_t* windows, [[maybe_unused]] const Places& places,
                const std::uint8_t* image, [[maybe_unused]] int set, const Target& target, const Finish& finish,
                Behind behind = {}) {
  constexpr int TOGETHER = 4;
  const int size = 4 * layer.quads();
#if defined(REBNET_ALONE_AVX2)
  if (layer.lookups.blocks > 0 && layer.planes == 8 && layer.whole()) {
    SumPixels(layer, set, places.tables, places.places)(image, target.first);
    return behind(0);
  }
#endif
  copy_image(layer, image, map);
  for (int y = 0; y < layer.out_height; y++) {
    gather_windows(layer, map, y, windows);
    const std::uint8_t* window = windows;
    Word* pixel = target.first + static_cast<std::ptrdiff_t>(y) * target.line;
    int x = 0;
    for (; layer.weight_planes() > 1 && x < layer.out_width; x++, window += size, pixel += target.pixel) {
      multiply_planes(layer, finish, window, pixel);
    }
#if defined(__AVX512VNNI__)
    if (layer.weight_planes() == 1 && layer.levels_out && layer.tiles.pixel == layer.columns()) {
      const MultiplyGroups four = group_multiplication<TOGETHER>(layer), one = group_multiplication<1>(layer);
      for (; x + TOGETHER <= layer.out_width;
           x += TOGETHER, window += TOGETHER * size, pixel += TOGETHER * target.pixel) {
        four(layer, set, window, pixel, target.pixel);
      }
      for (; x < layer.out_width; x++, window += size, pixel += target.pixel)
        one(layer, set, window, pixel, target.pixel);
      behind(y);
      continue;
    }
#endif
#if defined(REBNET_ALONE_AVX2)
    if (layer.lookups.blocks > 0) {
      const SumPixels sum(layer, set, places.tables, places.places);
      for (; x < layer.out_width; x++, window += size, pixel += target.pixel) sum(window, pixel);
      behind(y);
      continue;
    }
    if (layer.encoding.blocks > 0) {
      const Encode32 encode(layer, set);
      for (; x + 2 <= layer.out_width; x += 2, window += 2 * size, pixel += 2 * target.pixel) {
        multiply_blocks<2>(layer, encode, window, pixel, target.pixel);
      }
      if (x < layer.out_width) multiply_blocks<1>(layer, encode, window, pixel, target.pixel);
      behind(y);
      continue;
    }
#endif
    for (; x + TOGETHER <= layer.out_width;
         x += TOGETHER, window += TOGETHER * size, pixel += TOGETHER * target.pixel) {
      multiply_pixels<TOGETHER, 1>(layer, finish, window, pixel, target.pixel);
    }
    for (; x < layer.out_width; x++, window += size, pixel += target.pixel) {
      multiply_pixels<1, 4>(layer, finish, window, pixel, target.pixel);
    }
    behind(y);
  }
}

}  // namespace
}  // namespace rebnet::REBNET_ISA
