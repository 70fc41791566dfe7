// Convolutions on int8 matrix units (AMX): all levels in one product, since an activation fits one byte. What follows
// the last convolution is counted by AVX-512.
#include <immintrin.h>

#include <algorithm>
#include <cstring>

#include "encode.hpp"
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
  Encoder(const Layer& layer, int set, std::uint8_t* out) : encode_(layer, set), out_(out) {
    values_ = layer.tiles.values.data() + static_cast<std::size_t>(set) * encode_.levels();
    std::uint8_t all = 0;
    for (int level = 0; level < encode_.levels(); level++) all = static_cast<std::uint8_t>(all + values_[level]);
    all_ = _mm512_set1_epi8(static_cast<char>(all));
  }

  void take(const std::int32_t* sums, const int* places, int group, int count) {
    sums_ = sums, next_ = places, end_ = places + count, group_ = group;
  }

  // Encode so many more windows. A byte starts with the weight of all bits; those that are 0 are taken off.
  void advance(int windows) {
    const int* last = end_ - next_ < windows ? end_ : next_ + windows;
    for (; next_ < last; next_++, sums_ += Tiles::ROWS) {
      if (*next_ < 0) continue;  // nobody wants it
      __m512i bytes = all_, sums[TILES];
      for (int tile = 0; tile < TILES; tile++) sums[tile] = _mm512_load_si512(sums_ + tile * ROWS);
      encode_(group_, sums, [&](int level, __mmask64 zeros) {
        bytes = _mm512_mask_sub_epi8(bytes, zeros, bytes, _mm512_set1_epi8(static_cast<char>(values_[level])));
      });
      _mm512_store_si512(out_ + *next_ + group_ * Tiles::ROWS, bytes);
    }
  }

 private:
  Algorithm1<LEVELS, NARROW> encode_;
  std::uint8_t* out_;
  const std::uint8_t* values_;
  __m512i all_;
  const std::int32_t* sums_ = nullptr;
  const int* next_ = nullptr;
  const int* end_ = nullptr;
  int group_ = 0;
};

// The same for scores: sums are kept.
class Keeper {
 public:
  Keeper(const Layer&, int, std::uint8_t* out) : out_(out) {}

  void take(const std::int32_t* sums, const int* places, int group, int count) {
    sums_ = sums, places_ = places, group_ = group, count_ = count;
  }

  void advance(int windows) {
    if (windows < Tiles::WINDOWS) return;
    for (int window = 0; window < count_; window++, sums_ += Tiles::ROWS) {
      std::memcpy(out_ + places_[window] + group_ * Tiles::ROWS * 4, sums_, Tiles::ROWS * 4);
    }
    count_ = 0;
  }

 private:
  std::uint8_t* out_;
  const std::int32_t* sums_ = nullptr;
  const int* places_ = nullptr;
  int group_ = 0, count_ = 0;
};

// Windows by rows, 32 by 32 at a time; meanwhile what is done with the 32 by 64 sums before goes on.
template <typename Sink>
void multiply(const Layer& layer, const Tiles::Block* blocks, std::size_t block_count, const std::uint8_t* map, int set,
              std::uint8_t* out) {
  const Tiles& tiles = layer.tiles;
  const int steps = tiles.steps;
  const int* offsets = tiles.offsets.data();
  const std::ptrdiff_t stride = tiles.stride;
  const std::int32_t* starts = tiles.starts.data() + static_cast<std::size_t>(set) * tiles.groups * Tiles::ROWS;
  const int turns = TILES / 2 * (steps + 3),
            share = (Tiles::WINDOWS + turns - 1) / turns;  // of the sink, and windows of each
  alignas(LINE) std::int32_t sums[2][Tiles::WINDOWS][Tiles::ROWS];
  int turn = 0;
  Sink sink(layer, set, out);
  settle();
  for (std::size_t block = 0; block < block_count; block++) {
    const std::uint8_t* upper = map + blocks[block].source;
    const std::uint8_t* lower = upper + ROWS * stride;
    const int count = blocks[block].count;
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
          sink.advance(share);
          for (int step = 0; step < steps; step++, weights += 2 * ROWS * LINE) {
            _tile_loadd(6, weights, LINE);
            _tile_loadd(4, upper + offsets[step], stride);
            _tile_dpbusd(0, 4, 6);
            _tile_loadd(7, weights + ROWS * LINE, LINE);
            _tile_dpbusd(1, 4, 7);
            _tile_loadd(5, lower + offsets[step], stride);
            _tile_dpbusd(2, 5, 6);
            _tile_dpbusd(3, 5, 7);
            sink.advance(share);
          }
          _tile_stored(2, sum + ROWS * Tiles::ROWS, Tiles::ROWS * 4);
          sink.advance(share);
          _tile_stored(3, sum + ROWS * Tiles::ROWS + ROWS, Tiles::ROWS * 4);
        } else {
          for (int step = 0; step < steps; step++, weights += 2 * ROWS * LINE) {
            _tile_loadd(4, upper + offsets[step], stride);
            _tile_loadd(6, weights, LINE);
            _tile_dpbusd(0, 4, 6);
            _tile_loadd(7, weights + ROWS * LINE, LINE);
            _tile_dpbusd(1, 4, 7);
            sink.advance(share);
          }
        }
        _tile_stored(0, sum, Tiles::ROWS * 4);
        sink.advance(share);
        _tile_stored(1, sum + ROWS, Tiles::ROWS * 4);
      }
      sink.advance(Tiles::WINDOWS);
      sink.take(sums[turn][0], tiles.places.data() + block * Tiles::WINDOWS, group, count);
    }
  }
  sink.advance(Tiles::WINDOWS);
}

using Multiply = void (*)(const Layer&, const Tiles::Block*, std::size_t, const std::uint8_t*, int, std::uint8_t*);

Multiply multiplication(const Layer& layer) {
  if (layer.levels_out == 0) return multiply<Keeper>;
  return by_levels(layer, [](auto kind) -> Multiply { return multiply<Encoder<kind.LEVELS, kind.NARROW>>; });
}

// The first layer's map in front: every pixel holds the kernel's pixels from it down. With few lines and channels, some
// pixels at a time: 32 bytes of each of up to four lines, put in order.
void stack(const Network& network, const std::uint8_t* image, std::uint8_t* map) {
  const Layer& layer = network.layers[0];
  const Tiles& tiles = layer.tiles;
  const int channels = layer.channels, bytes = layer.width * channels, shift = 8 - network.bits;
  const int together =
      tiles.pixel <= LINE && layer.window.kernel_h <= 4 ? std::min(LINE / tiles.pixel, 32 / channels) : 0;
  alignas(LINE) std::uint8_t order[LINE] = {};
  for (int place = 0; place < together * tiles.pixel; place++) {
    const int pixel = place / tiles.pixel, ky = place % tiles.pixel / channels;
    order[place] = static_cast<std::uint8_t>(ky * 32 + pixel * channels + place % channels);
  }
  const __m512i taken = _mm512_load_si512(order), kept = _mm512_set1_epi8(static_cast<char>(0xff >> shift));
  for (int y = 0; y < layer.out_height; y++, map += tiles.line) {
    const std::uint8_t* lines[4] = {};
    for (int ky = 0; ky < layer.window.kernel_h; ky++) {
      const int line = y * layer.window.stride_h + ky - layer.window.top;
      const std::uint8_t* source = line < 0 || line >= layer.height ? nullptr : image + std::ptrdiff_t{line} * bytes;
      if (together) {
        lines[ky] = source;
      } else if (source != nullptr) {
        std::uint8_t* target = map + tiles.origin + ky * channels;
        for (int x = 0; x < layer.width; x++, target += tiles.pixel, source += channels) {
          for (int channel = 0; channel < channels; channel++) {
            target[channel] = static_cast<std::uint8_t>(source[channel] >> shift);
          }
        }
      }
    }
    for (int x = 0; together && x < layer.width; x += together) {
      const int left = bytes - x * channels, pixels = std::min(together, layer.width - x);
      const __mmask32 there = left < 32 ? (1u << left) - 1 : ~0u;
      __m256i parts[4];
      for (int ky = 0; ky < 4; ky++) {
        parts[ky] =
            lines[ky] == nullptr ? _mm256_setzero_si256() : _mm256_maskz_loadu_epi8(there, lines[ky] + x * channels);
      }
      const __m512i upper = _mm512_inserti64x4(_mm512_castsi256_si512(parts[0]), parts[1], 1);
      const __m512i lower = _mm512_inserti64x4(_mm512_castsi256_si512(parts[2]), parts[3], 1);
      __m512i ordered = _mm512_permutex2var_epi8(upper, taken, lower);
      if (shift) ordered = _mm512_and_si512(_mm512_srli_epi16(ordered, static_cast<unsigned>(shift)), kept);
      const __mmask64 wanted = ~__mmask64{0} >> (LINE - pixels * tiles.pixel);
      _mm512_mask_storeu_epi8(map + tiles.origin + x * tiles.pixel, wanted, ordered);
    }
  }
}

// Largest bytes of every window.
template <int KERNEL>
void pool(const Layer& layer, const std::uint8_t* map, std::uint8_t* out) {
  const int pixel = layer.tiles.out_pixel, line = layer.out_width * pixel;
  for (int y = 0; y < layer.pooled_height; y++) {
    const Part rows = layer.pool.rows(y, layer.out_height);
    const int high = KERNEL ? KERNEL : rows.end - rows.first;
    for (int x = 0; x < layer.pooled_width; x++) {
      const Part columns = layer.pool.columns(x, layer.out_width);
      const int wide = KERNEL ? KERNEL : columns.end - columns.first;
      const std::uint8_t* first = map + rows.first * line + columns.first * pixel;
      std::uint8_t* target = out + y * layer.tiles.out_line + x * pixel;
      for (int channel = 0; channel < pixel; channel += LINE) {
        __m512i largest = _mm512_setzero_si512();
        for (int ky = 0; ky < high; ky++) {
          for (int kx = 0; kx < wide; kx++) {
            largest = _mm512_max_epu8(largest, _mm512_load_si512(first + ky * line + kx * pixel + channel));
          }
        }
        _mm512_store_si512(target + channel, largest);
      }
    }
  }
}

// Codes to bit planes, for the layers that count bits.
void split(const Layer& layer, const Layer& next, const std::uint8_t* map, Word* out) {
  const int words = layer.out_words();
  for (int y = 0; y < layer.pooled_height; y++) {
    Word* target = out + next.origin + y * next.line;
    for (int x = 0; x < layer.pooled_width; x++, map += layer.tiles.out_pixel) {
      for (int level = 0; level < layer.levels_out; level++) {
        const __m512i bit = _mm512_set1_epi8(static_cast<char>(1 << (layer.levels_out - 1 - level)));
        for (int word = 0; word < words; word++) {
          *target++ = _mm512_test_epi8_mask(_mm512_load_si512(map + LINE * word), bit);
        }
      }
    }
  }
}

// Codes to what they weigh in the next layer, with its padding around them.
void weigh(const Layer& layer, const Layer& next, int set, const std::uint8_t* map, std::uint8_t* out) {
  const int bytes = layer.pooled_width * layer.tiles.out_pixel;
  for (int y = 0; y < layer.pooled_height; y++, map += bytes) {
    std::uint8_t* target = out + next.tiles.origin + y * next.tiles.line;
    for (int byte = 0; byte < bytes; byte += LINE) {
      const __m512i codes = _mm512_load_si512(map + byte);
      __m512i values = _mm512_setzero_si512();
      for (int level = 0; level < layer.levels_out; level++) {
        const __m512i bit = _mm512_set1_epi8(static_cast<char>(1 << (layer.levels_out - 1 - level)));
        const __m512i gain = _mm512_set1_epi8(static_cast<char>(next.gains[set * next.planes + level]));
        values = _mm512_mask_add_epi8(values, _mm512_test_epi8_mask(codes, bit), values, gain);
      }
      _mm512_store_si512(target + byte, values);
    }
  }
}

// The tiled layers; returns the codes behind the last one.
const std::uint8_t* run_tiled(const Network& network, Workspace& space, const std::uint8_t* image, int set) {
  stack(network, image, space.bytes[0].data());
  for (std::size_t index = 0; index < static_cast<std::size_t>(network.tiled); index++) {
    const Layer& layer = network.layers[index];
    const Tiles& tiles = layer.tiles;
    std::uint8_t* behind = space.bytes[index + 1].data();
    std::uint8_t* out = layer.pools() ? space.unpooled_bytes.data() : behind;
    multiplication(layer)(layer, tiles.blocks.data(), tiles.blocks.size(), space.bytes[index].data(), set, out);
    if (layer.pools()) (layer.halves() ? pool<2> : pool<0>)(layer, out, behind + tiles.out_origin);
  }
  return space.bytes.back().data();
}

}  // namespace

void run_image(const Network& network, Workspace& space, const std::uint8_t* image, int set, std::int64_t* scores) {
  const std::size_t tiled = static_cast<std::size_t>(network.tiled);
  if (tiled > 0) {
    configure();
    const std::uint8_t* codes = run_tiled(network, space, image, set);
    split(network.layers[tiled - 1], network.layers[tiled], codes, space.maps[tiled - 1].data());
    _tile_release();
  }
  avx512::run_from(network, space, tiled, image, set, scores);
}

void run_batch(const Network& network, Workspace& space, const std::uint8_t* images, std::ptrdiff_t stride, int count,
               int set, std::int64_t* scores) {
  configure();
  const std::size_t tiled = static_cast<std::size_t>(network.tiled),
                    batched = static_cast<std::size_t>(network.batched);
  const Layer& first = network.layers[tiled];
  for (int image = 0; image < count; image++, images += stride) {
    std::uint8_t* map = space.batches[0].data() + image * first.tiles.map_bytes;
    if (tiled == 0) {
      copy_pixels(map, images, network.samples(), network.bits);
    } else {
      weigh(network.layers[tiled - 1], first, set, run_tiled(network, space, images, set), map);
    }
  }
  const Tiles::Block all{0, count};
  for (std::size_t index = 0; index < batched; index++) {
    const Layer& layer = network.layers[tiled + index];
    std::uint8_t* out = index + 1 < batched ? space.batches[index + 1].data() : space.sums.data();
    multiplication(layer)(layer, &all, 1, space.batches[index].data(), set, out);
  }
  _tile_release();
  const Layer& last = network.layers.back();
  for (int image = 0; image < count; image++, scores += network.scores) {
    const std::uint8_t* sums = space.sums.data() + static_cast<std::size_t>(image) * last.tiles.out_pixel * 4;
    for (int row = 0; row < last.rows; row++) {
      std::int32_t sum;
      std::memcpy(&sum, sums + 4 * Tiles::place_of(row), 4);
      scores[row] = last.score(set, row, sum);
    }
  }
}

}  // namespace rebnet::amx
