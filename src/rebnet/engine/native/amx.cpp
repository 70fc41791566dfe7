// Convolutions on int8 matrix units (AMX): all levels in one product, since an activation fits one byte. What follows the
// last convolution is counted by AVX-512.
#include <immintrin.h>

#include <algorithm>
#include <cstring>

#include "tiles.hpp"

namespace rebnet::amx {
namespace {

struct alignas(64) Config {
  std::uint8_t palette = 1, start = 0, reserved[14] = {};
  std::uint16_t bytes[16] = {};
  std::uint8_t rows[16] = {};
};

void configure() {
  Config config;
  for (int tile = 0; tile < 8; tile++) config.bytes[tile] = DEPTH, config.rows[tile] = ROWS;
  _tile_loadconfig(&config);
}

inline void copy(std::uint8_t* target, const std::uint8_t* source, int bytes) {
  for (; bytes >= 64; bytes -= 64, source += 64, target += 64) _mm512_storeu_si512(target, _mm512_loadu_si512(source));
  const __mmask64 rest = (__mmask64{1} << bytes) - 1;
  _mm512_mask_storeu_epi8(target, rest, _mm512_maskz_loadu_epi8(rest, source));
}

// Bytes of `count` windows from pixel `first` on, `depth` apart; what is outside of the map is 0, the lowest code.
void gather(const Layer& layer, const std::uint8_t* map, int first, int count, std::uint8_t* columns) {
  const int pitch = layer.tiles.pitch, span = layer.kernel_w * pitch;
  for (int i = 0; i < count; i++, columns += layer.tiles.depth) {
    const int y = (first + i) / layer.out_width * layer.stride - layer.pad_top;
    const int x = (first + i) % layer.out_width * layer.stride - layer.pad_left;
    const int from = std::max(0, -x), to = std::min(layer.kernel_w, layer.width - x);
    for (int ky = 0; ky < layer.kernel_h; ky++) {
      std::uint8_t* target = columns + ky * span;
      if (y + ky < 0 || y + ky >= layer.height || to <= from) {
        std::memset(target, 0, static_cast<std::size_t>(span));
        continue;
      }
      if (to - from < layer.kernel_w) std::memset(target, 0, static_cast<std::size_t>(span));
      copy(target + from * pitch, map + (static_cast<std::size_t>(y + ky) * layer.width + x + from) * pitch,
           (to - from) * pitch);
    }
  }
}

// Codes of 16 rows from `row` on, by Algorithm 1; pixel i's sums are sums[i / 16 * 2][i % 16].
void encode(const Layer& layer, int set, int row, const std::int32_t (*sums)[ROWS][ROWS], std::uint8_t* const* targets,
            int count) {
  const Tiles& tiles = layer.tiles;
  const int levels = layer.levels_out;
  const std::size_t place = static_cast<std::size_t>(set) * tiles.out_pitch + row;
  const std::int32_t* first = tiles.steps.data() + (place - row) * (levels - 1) + row;
  const __m512i threshold = _mm512_loadu_si512(tiles.thresholds.data() + place);
  const __m512i flip = _mm512_set1_epi32((1 << levels) - 1);
  for (int i = 0; i < count; i++) {
    if (targets[i] == nullptr) continue;
    __m512i residual = _mm512_sub_epi32(_mm512_load_si512(sums[i / ROWS * 2][i % ROWS]), threshold);
    __m512i code = _mm512_srli_epi32(residual, 31);  // 1 where negative
    const std::int32_t* steps = first;
    for (int level = 1; level < levels; level++, steps += tiles.out_pitch) {
      const __m512i step = _mm512_loadu_si512(steps);
      const __mmask16 negative = _mm512_movepi32_mask(residual);
      const __m512i lower = _mm512_sub_epi32(residual, step);
      residual = _mm512_mask_add_epi32(lower, negative, residual, step);
      code = _mm512_or_si512(_mm512_slli_epi32(code, 1), _mm512_srli_epi32(residual, 31));
    }
    const __m128i bytes = _mm512_cvtepi32_epi8(_mm512_xor_si512(code, flip));
    _mm_storeu_si128(reinterpret_cast<__m128i*>(targets[i] + row), bytes);
  }
}

// Windows stand at consecutive pixels of the map in front where they are read directly; those that reach over the end of a
// row are computed with the others and dropped.
void convolve(const Layer& layer, const std::uint8_t* map, int set, std::uint8_t* columns, std::uint8_t* out) {
  const Tiles& tiles = layer.tiles;
  const int line = tiles.direct ? layer.width : layer.out_width;
  const int pixels = (layer.out_height - 1) * line + layer.out_width, steps = tiles.depth / DEPTH;
  const std::ptrdiff_t stride = tiles.direct ? tiles.pitch : tiles.depth;
  alignas(64) std::int32_t sums[4][ROWS][ROWS];
  std::uint8_t* targets[TILE_PIXELS];
  for (int first = 0; first < pixels; first += TILE_PIXELS) {
    const int count = std::min(TILE_PIXELS, pixels - first);
    for (int i = 0; i < count; i++) {
      const int y = (first + i) / line, x = (first + i) % line;
      targets[i] = x < layer.out_width
                       ? out + (static_cast<std::size_t>(y) * layer.out_width + x) * tiles.out_pitch : nullptr;
    }
    const std::uint8_t* upper = tiles.direct ? map + static_cast<std::size_t>(first) * tiles.pitch : columns;
    if (!tiles.direct) gather(layer, map, first, count, columns);
    const bool second = count > ROWS;
    const std::uint8_t* lower = upper + ROWS * stride;
    for (int row = 0; row < tiles.out_pitch; row += 2 * ROWS) {
      const bool wide = row + ROWS < tiles.out_pitch;
      const std::int8_t* left = tiles.weights.data() + static_cast<std::size_t>(row) * tiles.depth;
      const std::int8_t* right = left + (wide ? static_cast<std::size_t>(ROWS) * tiles.depth : 0);
      _tile_zero(0);
      _tile_zero(1);
      _tile_zero(2);
      _tile_zero(3);
      for (int step = 0; step < steps; step++) {
        _tile_loadd(4, upper + tiles.offsets[step], stride);
        _tile_loadd(6, left + step * ROWS * DEPTH, DEPTH);
        _tile_loadd(7, right + step * ROWS * DEPTH, DEPTH);
        _tile_dpbusd(0, 4, 6);
        _tile_dpbusd(1, 4, 7);
        if (second) {
          _tile_loadd(5, lower + tiles.offsets[step], stride);
          _tile_dpbusd(2, 5, 6);
          _tile_dpbusd(3, 5, 7);
        }
      }
      _tile_stored(0, sums[0], DEPTH);
      _tile_stored(1, sums[1], DEPTH);
      if (second) {
        _tile_stored(2, sums[2], DEPTH);
        _tile_stored(3, sums[3], DEPTH);
      }
      for (int half = 0; half < (wide ? 2 : 1); half++) encode(layer, set, row + half * ROWS, sums + half, targets, count);
    }
  }
}

// Largest codes of every window.
void pool(const Layer& layer, const std::uint8_t* map, std::uint8_t* out) {
  const int pitch = layer.tiles.out_pitch;
  for (int y = 0; y < layer.pooled_height; y++) {
    for (int x = 0; x < layer.pooled_width; x++, out += pitch) {
      for (int channel = 0; channel < pitch; channel += 16) {
        __m128i largest = _mm_setzero_si128();
        for (int ky = 0; ky < layer.pool_kernel; ky++) {
          const std::size_t row = static_cast<std::size_t>(y * layer.pool_stride + ky) * layer.out_width;
          for (int kx = 0; kx < layer.pool_kernel; kx++) {
            const std::uint8_t* code = map + (row + x * layer.pool_stride + kx) * pitch + channel;
            largest = _mm_max_epu8(largest, _mm_loadu_si128(reinterpret_cast<const __m128i*>(code)));
          }
        }
        _mm_storeu_si128(reinterpret_cast<__m128i*>(out + channel), largest);
      }
    }
  }
}

// Codes to what they weigh in the next layer, in place; the number of bytes is a multiple of 16.
void weigh(std::uint8_t* map, std::size_t bytes, const std::uint8_t* values) {
  const __m128i table = _mm_loadu_si128(reinterpret_cast<const __m128i*>(values));
  const __m512i wide = _mm512_broadcast_i32x4(table);
  std::size_t place = 0;
  for (; place + 64 <= bytes; place += 64) {
    _mm512_storeu_si512(map + place, _mm512_shuffle_epi8(wide, _mm512_loadu_si512(map + place)));
  }
  for (; place < bytes; place += 16) {
    __m128i* codes = reinterpret_cast<__m128i*>(map + place);
    _mm_storeu_si128(codes, _mm_shuffle_epi8(table, _mm_loadu_si128(codes)));
  }
}

// Codes to bit planes, for the layers that count bits.
void split(const Layer& layer, const std::uint8_t* map, Word* out) {
  const int pixels = layer.pooled_height * layer.pooled_width, words = layer.out_words();
  for (int pixel = 0; pixel < pixels; pixel++, map += layer.tiles.out_pitch) {
    for (int level = 0; level < layer.levels_out; level++) {
      const __m512i bit = _mm512_set1_epi8(static_cast<char>(1 << (layer.levels_out - 1 - level)));
      for (int word = 0; word < words; word++) {
        const int left = layer.tiles.out_pitch - 64 * word;
        const __mmask64 there = left >= 64 ? ~__mmask64{0} : (__mmask64{1} << left) - 1;
        *out++ = _mm512_mask_test_epi8_mask(there, _mm512_maskz_loadu_epi8(there, map + 64 * word), bit);
      }
    }
  }
}

}  // namespace

void run_image(const Network& network, Workspace& space, const std::uint8_t* image, int set, std::int64_t* scores) {
  if (network.tiled == 0) return avx512::run_from(network, space, 0, image, set, scores);
  configure();
  const std::uint8_t* map = image;
  if (network.bits < 8) {
    std::uint8_t* top = space.bytes[0].data();
    for (std::size_t i = 0; i < network.samples(); i++) top[i] = static_cast<std::uint8_t>(image[i] >> (8 - network.bits));
    map = top;
  }
  int current = 0;
  for (int index = 0; index < network.tiled; index++) {
    const Layer& layer = network.layers[static_cast<std::size_t>(index)];
    std::uint8_t* out = space.bytes[1 - current].data();
    convolve(layer, map, set, space.columns.data(), out);
    current = 1 - current;
    if (layer.pool_kernel) {
      pool(layer, out, space.bytes[1 - current].data());
      current = 1 - current;
      out = space.bytes[current].data();
    }
    if (index + 1 < network.tiled) {
      const std::size_t pixels = static_cast<std::size_t>(layer.pooled_height) * layer.pooled_width;
      weigh(out, pixels * layer.tiles.out_pitch, layer.tiles.values.data() + (static_cast<std::size_t>(set) << MAX_LEVELS));
    } else {
      split(layer, out, space.maps[0].data());
    }
    map = out;
  }
  _tile_release();
  avx512::run_from(network, space, static_cast<std::size_t>(network.tiled), image, set, scores);
}

}  // namespace rebnet::amx
