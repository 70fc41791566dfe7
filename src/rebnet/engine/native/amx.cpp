// Convolutions on int8 matrix units (AMX): all levels in one product, since an activation fits one byte. What follows the
// last convolution is counted by AVX-512.
#include <immintrin.h>

#include <cstring>

#include "network.hpp"

namespace rebnet::amx {
namespace {

constexpr int ROWS = 16;  // of a tile, each of LINE bytes
constexpr int TILES = Tiles::ROWS / ROWS;

struct alignas(64) Config {
  std::uint8_t palette = 1, start = 0, reserved[14] = {};
  std::uint16_t bytes[16] = {};
  std::uint8_t rows[16] = {};
};

// The compiler does not know that tiles are loaded from memory: what was stored before must be there.
inline void settle() { asm volatile("" ::: "memory"); }

void configure() {
  Config config;
  for (int tile = 0; tile < 8; tile++) config.bytes[tile] = LINE, config.rows[tile] = ROWS;
  asm volatile("" ::"r"(&config) : "memory");
  _tile_loadconfig(&config);
}

// The sums of a block's windows and a group's rows, thresholds taken off, on their way to being the map behind.
template <int LEVELS, bool NARROW>
class Encoder {
 public:
  Encoder(const Layer& layer, int set, std::uint8_t* out) : levels_(LEVELS ? LEVELS : layer.levels_out), out_(out) {
    const Tiles& tiles = layer.tiles;
    const std::size_t steps = static_cast<std::size_t>(set) * tiles.groups * (levels_ - 1) * Tiles::ROWS;
    steps_ = tiles.encoder_steps.data() + steps;
    narrow_steps_ = tiles.narrow_steps.data() + steps;
    values_ = tiles.values.data() + static_cast<std::size_t>(set) * levels_;
  }

  void take(const std::int32_t* sums, const int* places, int group, int count) {
    sums_ = sums, places_ = places, group_ = group, left_ = count;
  }

  // Encode so many more windows.
  void advance(int windows) {
    for (; windows > 0 && left_ > 0; windows--, left_--, sums_ += Tiles::ROWS, places_++) encode();
  }

 private:
  // Algorithm 1 on the 64 rows of a window. A byte starts with the weight of all bits; those that are 0 are taken off.
  void encode() const {
    std::uint8_t weight = 0;
    for (int level = 0; level < levels_; level++) weight = static_cast<std::uint8_t>(weight + values_[level]);
    __m512i bytes = _mm512_set1_epi8(static_cast<char>(weight));
    __m512i sums[TILES];
    for (int tile = 0; tile < TILES; tile++) sums[tile] = _mm512_load_si512(sums_ + tile * ROWS);
    const std::size_t steps = static_cast<std::size_t>(group_) * (levels_ - 1) * Tiles::ROWS;
    if (NARROW) {
      __m512i low = _mm512_packs_epi32(sums[0], sums[1]), high = _mm512_packs_epi32(sums[2], sums[3]);
      const std::int16_t* step = narrow_steps_ + steps;
      for (int level = 0;; level++, step += Tiles::ROWS) {
        bytes = take_off(bytes, _mm512_packs_epi16(low, high), level);
        if (level + 1 == levels_) break;
        low = next16(low, step);
        high = next16(high, step + 32);
      }
    } else {
      const std::int32_t* step = steps_ + steps;
      for (int level = 0;; level++, step += Tiles::ROWS) {
        const __m512i low = _mm512_packs_epi32(sums[0], sums[1]), high = _mm512_packs_epi32(sums[2], sums[3]);
        bytes = take_off(bytes, _mm512_packs_epi16(low, high), level);
        if (level + 1 == levels_) break;
        for (int tile = 0; tile < TILES; tile++) sums[tile] = next32(sums[tile], step + tile * ROWS);
      }
    }
    _mm512_store_si512(out_ + *places_ + group_ * Tiles::ROWS, bytes);
  }

  __m512i take_off(__m512i bytes, __m512i residuals, int level) const {
    const __m512i value = _mm512_set1_epi8(static_cast<char>(values_[level]));
    return _mm512_mask_sub_epi8(bytes, _mm512_movepi8_mask(residuals), bytes, value);
  }

  static __m512i next16(__m512i residuals, const std::int16_t* steps) {
    const __m512i step = _mm512_load_si512(steps);
    const __m512i lower = _mm512_sub_epi16(residuals, step);
    return _mm512_mask_add_epi16(lower, _mm512_movepi16_mask(residuals), residuals, step);
  }

  static __m512i next32(__m512i residuals, const std::int32_t* steps) {
    const __m512i step = _mm512_load_si512(steps);
    const __m512i lower = _mm512_sub_epi32(residuals, step);
    return _mm512_mask_add_epi32(lower, _mm512_movepi32_mask(residuals), residuals, step);
  }

  int levels_;
  std::uint8_t* out_;
  const std::int32_t* steps_;
  const std::int16_t* narrow_steps_;
  const std::uint8_t* values_;
  const std::int32_t* sums_ = nullptr;
  const int* places_ = nullptr;
  int group_ = 0, left_ = 0;
};

// Windows by rows, 32 by 32 at a time; meanwhile the 32 by 64 sums before are encoded.
template <int LEVELS, bool NARROW>
void convolve(const Layer& layer, const std::uint8_t* map, int set, std::uint8_t* out) {
  const Tiles& tiles = layer.tiles;
  const int steps = tiles.steps;
  const int* offsets = tiles.offsets.data();
  const std::ptrdiff_t stride = tiles.stride;
  const std::int32_t* starts = tiles.starts.data() + static_cast<std::size_t>(set) * tiles.groups * Tiles::ROWS;
  const int share = (Tiles::WINDOWS + TILES / 2 * steps - 1) / (TILES / 2 * steps);  // windows to encode in a step
  alignas(LINE) std::int32_t sums[2][Tiles::WINDOWS][Tiles::ROWS];
  int turn = 0;
  Encoder<LEVELS, NARROW> encoder(layer, set, out);
  settle();
  for (std::size_t block = 0; block < tiles.blocks.size(); block++) {
    const std::uint8_t* upper = map + tiles.blocks[block].source;
    const std::uint8_t* lower = upper + ROWS * stride;
    const int count = tiles.blocks[block].count;
    const std::int8_t* weights = tiles.weights.data();
    for (int group = 0; group < tiles.groups; group++, turn = 1 - turn) {
      for (int tile = 0; tile < TILES; tile += 2) {
        const std::int32_t* start = starts + group * Tiles::ROWS + tile * ROWS;
        std::int32_t* sum = sums[turn][0] + tile * ROWS;
        _tile_loadd(0, start, 0);
        _tile_loadd(1, start + ROWS, 0);
        if (count > ROWS) {
          _tile_loadd(2, start, 0);
          _tile_loadd(3, start + ROWS, 0);
          for (int step = 0; step < steps; step++, weights += 2 * ROWS * LINE) {
            _tile_loadd(6, weights, LINE);
            _tile_loadd(4, upper + offsets[step], stride);
            _tile_dpbusd(0, 4, 6);
            _tile_loadd(7, weights + ROWS * LINE, LINE);
            _tile_dpbusd(1, 4, 7);
            _tile_loadd(5, lower + offsets[step], stride);
            _tile_dpbusd(2, 5, 6);
            _tile_dpbusd(3, 5, 7);
            encoder.advance(share);
          }
          _tile_stored(2, sum + ROWS * Tiles::ROWS, Tiles::ROWS * 4);
          _tile_stored(3, sum + ROWS * Tiles::ROWS + ROWS, Tiles::ROWS * 4);
        } else {
          for (int step = 0; step < steps; step++, weights += 2 * ROWS * LINE) {
            _tile_loadd(4, upper + offsets[step], stride);
            _tile_loadd(6, weights, LINE);
            _tile_dpbusd(0, 4, 6);
            _tile_loadd(7, weights + ROWS * LINE, LINE);
            _tile_dpbusd(1, 4, 7);
            encoder.advance(share);
          }
        }
        _tile_stored(0, sum, Tiles::ROWS * 4);
        _tile_stored(1, sum + ROWS, Tiles::ROWS * 4);
      }
      encoder.advance(Tiles::WINDOWS);
      encoder.take(sums[turn][0], tiles.places.data() + block * Tiles::WINDOWS, group, count);
    }
  }
  encoder.advance(Tiles::WINDOWS);
}

using Convolve = void (*)(const Layer&, const std::uint8_t*, int, std::uint8_t*);

Convolve convolution(const Layer& layer) {
  static constexpr Convolve wide[] = {convolve<1, false>, convolve<2, false>, convolve<3, false>};
  static constexpr Convolve narrow[] = {convolve<1, true>, convolve<2, true>, convolve<3, true>};
  if (layer.levels_out > 3) return layer.tiles.narrow ? convolve<0, true> : convolve<0, false>;
  return (layer.tiles.narrow ? narrow : wide)[layer.levels_out - 1];
}

// The first layer's map in front: every pixel holds the kernel's pixels from it down.
template <int CHANNELS>
void stack(const Network& network, const std::uint8_t* image, std::uint8_t* map) {
  const Layer& layer = network.layers[0];
  const Tiles& tiles = layer.tiles;
  const int channels = CHANNELS ? CHANNELS : layer.channels, shift = 8 - network.bits;
  for (int y = 0; y < layer.out_height; y++, map += tiles.line) {
    for (int ky = 0; ky < layer.kernel_h; ky++) {
      const int line = y * layer.stride + ky - layer.pad_top;
      if (line < 0 || line >= layer.height) continue;
      const std::uint8_t* source = image + static_cast<std::size_t>(line) * layer.width * channels;
      std::uint8_t* target = map + tiles.origin + ky * channels;
      for (int x = 0; x < layer.width; x++, target += tiles.pixel, source += channels) {
        for (int channel = 0; channel < channels; channel++) target[channel] = static_cast<std::uint8_t>(source[channel] >> shift);
      }
    }
  }
}

// Largest bytes of every window.
void pool(const Layer& layer, const std::uint8_t* map, std::uint8_t* out) {
  const int pixel = layer.tiles.out_pixel, line = layer.out_width * pixel;
  for (int y = 0; y < layer.pooled_height; y++) {
    for (int x = 0; x < layer.pooled_width; x++) {
      const std::uint8_t* first = map + y * layer.pool_stride * line + x * layer.pool_stride * pixel;
      std::uint8_t* target = out + y * layer.tiles.out_line + x * pixel;
      for (int channel = 0; channel < pixel; channel += LINE) {
        __m512i largest = _mm512_setzero_si512();
        for (int ky = 0; ky < layer.pool_kernel; ky++) {
          for (int kx = 0; kx < layer.pool_kernel; kx++) {
            largest = _mm512_max_epu8(largest, _mm512_load_si512(first + ky * line + kx * pixel + channel));
          }
        }
        _mm512_store_si512(target + channel, largest);
      }
    }
  }
}

// Codes to bit planes, for the layers that count bits.
void split(const Layer& layer, const std::uint8_t* map, Word* out) {
  const int pixels = layer.pooled_height * layer.pooled_width, words = layer.out_words();
  for (int pixel = 0; pixel < pixels; pixel++, map += layer.tiles.out_pixel) {
    for (int level = 0; level < layer.levels_out; level++) {
      const __m512i bit = _mm512_set1_epi8(static_cast<char>(1 << (layer.levels_out - 1 - level)));
      for (int word = 0; word < words; word++) *out++ = _mm512_test_epi8_mask(_mm512_load_si512(map + LINE * word), bit);
    }
  }
}

}  // namespace

void run_image(const Network& network, Workspace& space, const std::uint8_t* image, int set, std::int64_t* scores) {
  if (network.tiled == 0) return avx512::run_from(network, space, 0, image, set, scores);
  configure();
  switch (network.channels) {
    case 1: stack<1>(network, image, space.bytes[0].data()); break;
    case 3: stack<3>(network, image, space.bytes[0].data()); break;
    default: stack<0>(network, image, space.bytes[0].data());
  }
  for (int index = 0; index < network.tiled; index++) {
    const std::size_t place = static_cast<std::size_t>(index);
    const Layer& layer = network.layers[place];
    std::uint8_t* out = space.bytes[place + 1].data();
    convolution(layer)(layer, space.bytes[place].data(), set, layer.pool_kernel ? space.unpooled.data() : out);
    if (layer.pool_kernel) pool(layer, space.unpooled.data(), out + layer.tiles.out_origin);
  }
  const std::size_t tiled = static_cast<std::size_t>(network.tiled);
  split(network.layers[tiled - 1], space.bytes[tiled].data(), space.maps[0].data());
  _tile_release();
  avx512::run_from(network, space, tiled, image, set, scores);
}

}  // namespace rebnet::amx
