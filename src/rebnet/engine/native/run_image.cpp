// One image through the network. Compiled once per instruction set, each in its own namespace: REBNET_ISA.
#include <algorithm>
#include <cstring>

#include "network.hpp"

#if defined(__AVX512VPOPCNTDQ__)
#include <immintrin.h>
#elif defined(__AVX2__)
#include <immintrin.h>
#elif defined(REBNET_NEON)
#include <arm_neon.h>
#endif

namespace rebnet::REBNET_ISA {
namespace {

typedef Word Lanes __attribute__((vector_size(8 * LANES), aligned(8)));
typedef std::int64_t Signed __attribute__((vector_size(8 * LANES), aligned(8)));

// Ones of every lane.
inline Lanes popcount(Lanes value) {
#if defined(__AVX512VPOPCNTDQ__)
  return reinterpret_cast<Lanes>(_mm512_popcnt_epi64(reinterpret_cast<__m512i>(value)));
#elif defined(__AVX2__)
  const __m256i table = _mm256_setr_epi8(0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4, 0, 1, 1, 2, 1, 2, 2, 3, 1, 2,
                                         2, 3, 2, 3, 3, 4);
  const __m256i nibble = _mm256_set1_epi8(15);
  Lanes result;
  for (int half = 0; half < 2; half++) {
    __m256i bytes;
    std::memcpy(&bytes, reinterpret_cast<const char*>(&value) + 32 * half, 32);
    const __m256i low = _mm256_shuffle_epi8(table, _mm256_and_si256(bytes, nibble));
    const __m256i high = _mm256_shuffle_epi8(table, _mm256_and_si256(_mm256_srli_epi16(bytes, 4), nibble));
    const __m256i ones = _mm256_sad_epu8(_mm256_add_epi8(low, high), _mm256_setzero_si256());
    std::memcpy(reinterpret_cast<char*>(&result) + 32 * half, &ones, 32);
  }
  return result;
#elif defined(REBNET_NEON)
  Lanes result;
  for (int pair = 0; pair < 4; pair++) {
    uint8x16_t bytes;
    std::memcpy(&bytes, reinterpret_cast<const char*>(&value) + 16 * pair, 16);
    const uint64x2_t ones = vpaddlq_u32(vpaddlq_u16(vpaddlq_u8(vcntq_u8(bytes))));
    std::memcpy(reinterpret_cast<char*>(&result) + 16 * pair, &ones, 16);
  }
  return result;
#else
  Lanes result;
  for (int lane = 0; lane < LANES; lane++) result[lane] = static_cast<Word>(__builtin_popcountll(value[lane]));
  return result;
#endif
}

// Bit i is set where lane i is not negative.
inline std::uint8_t not_negative(Signed value) {
#if defined(__AVX512DQ__)
  return static_cast<std::uint8_t>(~_mm512_movepi64_mask(reinterpret_cast<__m512i>(value)));
#else
  unsigned bits = 0;
  for (int lane = 0; lane < LANES; lane++) bits |= static_cast<unsigned>(value[lane] >= 0) << lane;
  return static_cast<std::uint8_t>(bits);
#endif
}

inline Lanes load(const Word* words) {
  Lanes value;
  std::memcpy(&value, words, sizeof value);
  return value;
}

inline Signed load(const std::int64_t* values) {
  Signed value;
  std::memcpy(&value, values, sizeof value);
  return value;
}

// A plane of up to eight pixels: the bits at `place` of the bytes, the first pixel lowest.
inline Word plane_bits(Word bytes, int place) {
  return (((bytes >> place) & 0x0101010101010101u) * 0x0102040810204080u) >> 56;
}

// The windows of the output pixels first … first + count - 1, [window][plane][word].
void gather_pixels(const Layer& layer, const std::uint8_t* image, int first, int count, Word* windows) {
  const int span = layer.kernel_w * layer.channels;
  const std::size_t size = static_cast<std::size_t>(layer.planes) * layer.words;
  for (int i = 0; i < count; i++) {
    Word* window = windows + i * size;
    std::memset(window, 0, size * sizeof(Word));
    const int y = (first + i) / layer.out_width * layer.stride - layer.pad_top;
    const int x = (first + i) % layer.out_width * layer.stride - layer.pad_left;
    int position = 0;
    for (int ky = 0; ky < layer.kernel_h; ky++, position = ky * span) {
      if (y + ky < 0 || y + ky >= layer.height) continue;
      const int from = std::max(0, -x), to = std::min(layer.kernel_w, layer.width - x);
      if (to <= from) continue;
      const std::uint8_t* source = image + ((y + ky) * layer.width + x + from) * layer.channels;
      position += from * layer.channels;
      for (int left = (to - from) * layer.channels; left > 0; left -= 8, source += 8, position += 8) {
        const int bytes = std::min(left, 8);
        Word values = 0;
        std::memcpy(&values, source, static_cast<std::size_t>(bytes));
        const int word = position / 64, shift = position % 64;
        for (int plane = 0; plane < layer.planes; plane++) {
          const Word bits = plane_bits(values, 7 - plane);
          window[plane * layer.words + word] |= bits << shift;
          if (shift > 56 && word + 1 < layer.words) window[plane * layer.words + word + 1] |= bits >> (64 - shift);
        }
      }
    }
  }
}

void gather_maps(const Layer& layer, const Word* map, int planes, int first, int count, Word* windows) {
  const int words = layer.channel_words(), pixel = layer.planes * words;
  for (int i = 0; i < count; i++) {
    Word* window = windows + static_cast<std::size_t>(i) * planes * layer.words;
    const int y = (first + i) / layer.out_width * layer.stride - layer.pad_top;
    const int x = (first + i) % layer.out_width * layer.stride - layer.pad_left;
    for (int ky = 0; ky < layer.kernel_h; ky++) {
      for (int kx = 0; kx < layer.kernel_w; kx++) {
        const bool inside = y + ky >= 0 && y + ky < layer.height && x + kx >= 0 && x + kx < layer.width;
        const Word* source = map + static_cast<std::size_t>((y + ky) * layer.width + x + kx) * pixel;
        Word* target = window + (ky * layer.kernel_w + kx) * words;
        for (int plane = 0; plane < planes; plane++, source += inside ? words : 0, target += layer.words) {
          for (int word = 0; word < words; word++) target[word] = inside ? source[word] : 0;
        }
      }
    }
  }
}

// A of LANES rows and COUNT windows of pixels. Gains halve from plane to plane: every plane doubles what is there.
template <int COUNT>
inline void accumulate_pixels(const Layer& layer, const Word* weights, const Word* windows, Signed* totals) {
  const std::size_t words = static_cast<std::size_t>(layer.words), size = words * layer.planes;
  Lanes differing[COUNT] = {};
  for (int plane = 0; plane < layer.planes; plane++) {
    for (int i = 0; i < COUNT; i++) differing[i] += differing[i];
    for (std::size_t word = 0; word < words; word++) {
      const Lanes weight = load(weights + word * LANES);
      for (int i = 0; i < COUNT; i++) differing[i] += popcount(weight ^ windows[i * size + plane * words + word]);
    }
  }
  const std::int64_t most = layer.columns() * ((std::int64_t{1} << layer.planes) - 1);
  for (int i = 0; i < COUNT; i++) totals[i] = most - reinterpret_cast<Signed>(differing[i]);
}

// The same of codes: A = sum of gain * (columns - differing bits).
template <int COUNT>
inline void accumulate(const Layer& layer, const Word* weights, const Word* windows, const std::int64_t* gains,
                       int planes, Signed* totals) {
  if (layer.pixels) return accumulate_pixels<COUNT>(layer, weights, windows, totals);
  const std::size_t words = static_cast<std::size_t>(layer.words), size = words * planes;
  for (int i = 0; i < COUNT; i++) totals[i] = Signed{};
  for (int plane = 0; plane < planes; plane++) {
    const Word* inputs = windows + plane * words;
    Lanes differing[COUNT] = {};
    for (std::size_t word = 0; word < words; word++) {
      const Lanes weight = load(weights + word * LANES);
      for (int i = 0; i < COUNT; i++) differing[i] += popcount(weight ^ inputs[i * size + word]);
    }
    for (int i = 0; i < COUNT; i++) {
      totals[i] += gains[plane] * (layer.columns() - reinterpret_cast<Signed>(differing[i]));
    }
  }
}

void accumulate(int count, const Layer& layer, const Word* weights, const Word* windows, const std::int64_t* gains,
                int planes, Signed* totals) {
  switch (count) {
    case 1: return accumulate<1>(layer, weights, windows, gains, planes, totals);
    case 2: return accumulate<2>(layer, weights, windows, gains, planes, totals);
    case 3: return accumulate<3>(layer, weights, windows, gains, planes, totals);
    default: return accumulate<TILE>(layer, weights, windows, gains, planes, totals);
  }
}

// Algorithm 1 on LANES rows of one pixel; bytes of the planes are `stride` apart.
void encode(const Layer& layer, int set, int block, Signed residual, std::uint8_t* out, std::size_t stride) {
  const std::size_t place = static_cast<std::size_t>(set) * layer.row_blocks + block;
  residual -= load(layer.thresholds.data() + place * LANES);
  const std::int64_t* steps = layer.steps.data() + place * (layer.levels_out - 1) * LANES;
  *out = not_negative(residual);
  for (int level = 1; level < layer.levels_out; level++, steps += LANES) {
    const Signed step = load(steps);
    residual = residual < 0 ? residual + step : residual - step;
    out += stride;
    *out = not_negative(residual);
  }
}

void run_layer(const Layer& layer, Workspace& space, const std::uint8_t* image, const Word* map, int set, Word* out,
               std::int64_t* scores) {
  const int pixels = layer.out_height * layer.out_width;
  const int planes = layer.planes_used[set];
  const std::int64_t* gains = layer.gains.data() + static_cast<std::size_t>(set) * layer.planes;
  const std::size_t words = static_cast<std::size_t>(layer.out_words());
  for (int first = 0; first < pixels; first += TILE) {
    const int count = std::min(TILE, pixels - first);
    if (layer.pixels) {
      gather_pixels(layer, image, first, count, space.windows.data());
    } else {
      gather_maps(layer, map, planes, first, count, space.windows.data());
    }
    for (int block = 0; block < layer.row_blocks; block++) {
      Signed totals[TILE];
      const Word* weights = layer.weights.data() + static_cast<std::size_t>(block) * layer.words * LANES;
      accumulate(count, layer, weights, space.windows.data(), gains, planes, totals);
      if (layer.levels_out == 0) {
        for (int row = block * LANES; row < std::min(layer.rows, (block + 1) * LANES); row++) {
          const std::size_t place = static_cast<std::size_t>(set) * layer.rows + row;
          scores[row] = layer.scale[place] * (2 * totals[0][row % LANES] - layer.reach[set]) + layer.bias[place];
        }
        continue;
      }
      for (int i = 0; i < count; i++) {
        Word* pixel = out + static_cast<std::size_t>(first + i) * layer.levels_out * words;
        encode(layer, set, block, totals[i], reinterpret_cast<std::uint8_t*>(pixel) + block, words * sizeof(Word));
      }
    }
  }
}

// Largest codes, 64 channels at a time: the first plane in which two codes differ decides.
void pool(const Layer& layer, const Word* map, Word* out) {
  const int words = layer.out_words(), levels = layer.levels_out;
  const std::size_t pixel = static_cast<std::size_t>(levels) * words;
  for (int y = 0; y < layer.pooled_height; y++) {
    for (int x = 0; x < layer.pooled_width; x++) {
      for (int word = 0; word < words; word++) {
        Word largest[MAX_PLANES] = {};
        for (int ky = 0; ky < layer.pool_kernel; ky++) {
          for (int kx = 0; kx < layer.pool_kernel; kx++) {
            const std::size_t place =
                static_cast<std::size_t>(y * layer.pool_stride + ky) * layer.out_width + x * layer.pool_stride + kx;
            const Word* code = map + place * pixel + word;
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
        Word* target = out + static_cast<std::size_t>(y * layer.pooled_width + x) * pixel + word;
        for (int level = 0; level < levels; level++) target[level * words] = largest[level];
      }
    }
  }
}

}  // namespace

// From layer `first` on, whose map is maps[0]; from the first, the image.
void run_from(const Network& network, Workspace& space, std::size_t first, const std::uint8_t* image, int set,
              std::int64_t* scores) {
  int current = 0;
  for (std::size_t index = first; index < network.layers.size(); index++) {
    const Layer& layer = network.layers[index];
    Word* out = space.maps[1 - current].data();
    if (layer.levels_out && layer.out_words() * 64 != layer.row_blocks * LANES) {
      std::memset(out, 0, layer.map_words() * sizeof(Word));  // bytes that no block of rows writes
    }
    run_layer(layer, space, image, space.maps[current].data(), set, out, scores);
    current = 1 - current;
    if (layer.pool_kernel) {
      pool(layer, space.maps[current].data(), space.maps[1 - current].data());
      current = 1 - current;
    }
  }
}

void run_image(const Network& network, Workspace& space, const std::uint8_t* image, int set, std::int64_t* scores) {
  run_from(network, space, 0, image, set, scores);
}

}  // namespace rebnet::REBNET_ISA
