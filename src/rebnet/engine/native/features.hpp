// Features, and codes that are put together. Included by run_image.cpp, once for each instruction set.
#pragma once

#include <algorithm>
#include <cstring>

#include "layers.hpp"
#include "network.hpp"

namespace rebnet::REBNET_ISA {
namespace {

#if defined(__AVX512VNNI__)
// Codes of 64 rows of features, four registers in order.
template <typename Algorithm>
inline void encode_rows(const Algorithm& encode, int group, const __m512i (&rows)[4], const std::int32_t* start,
                        Word* codes, int words) {
  // row 16 a + 4 t + k to column 4 a + k of tile t
  const __m512i upper = _mm512_shuffle_i32x4(rows[0], rows[1], 0x44),
                lower = _mm512_shuffle_i32x4(rows[2], rows[3], 0x44);
  const __m512i upper2 = _mm512_shuffle_i32x4(rows[0], rows[1], 0xee),
                lower2 = _mm512_shuffle_i32x4(rows[2], rows[3], 0xee);
  __m512i sums[4] = {_mm512_shuffle_i32x4(upper, lower, 0x88), _mm512_shuffle_i32x4(upper, lower, 0xdd),
                     _mm512_shuffle_i32x4(upper2, lower2, 0x88), _mm512_shuffle_i32x4(upper2, lower2, 0xdd)};
  for (int tile = 0; tile < 4; tile++) {
    sums[tile] = _mm512_add_epi32(sums[tile], _mm512_load_si512(start + tile * 16));
  }
  encode(group, sums, [&](int level, __mmask64 zeros) { codes[level * words] = ~zeros; });
}

// Codes of a line of features, 64 channels of a pixel together, where sums fit 32 bits.
template <int LEVELS, bool NARROW>
void encode_wide(const Layer& layer, int set, const std::int32_t* features, int width, Word* codes, int pixel) {
  const Algorithm1<LEVELS, NARROW> encode(layer, set);
  const int groups = layer.tiles.groups, words = layer.out_words(), lanes = layer.row_blocks * LANES;
  for (int x = 0; x < width; x++, features += lanes, codes += pixel) {
    const std::int32_t* start = layer.tiles.starts.data() + static_cast<std::ptrdiff_t>(set) * groups * Tiles::ROWS;
    for (int group = 0; group < groups; group++, start += Tiles::ROWS) {
      __m512i rows[4];
      for (int part = 0; part < 4; part++) {
        const int first = group * Tiles::ROWS + part * 16, there = std::clamp(lanes - first, 0, 16);
        rows[part] = _mm512_maskz_loadu_epi32(static_cast<__mmask16>((1u << there) - 1), features + first);
      }
      encode_rows(encode, group, rows, start, codes + group, words);
    }
  }
}

// The same of few channels: as many pixels together as have 64.
template <int LEVELS, bool NARROW, int TOGETHER>
void encode_narrow(const Layer& layer, int set, const std::int32_t* features, int width, Word* codes, int pixel) {
  constexpr int PARTS = 4 / TOGETHER, BITS = 64 / TOGETHER;
  const Algorithm1<LEVELS, NARROW> encode(layer, set);
  const int lanes = layer.row_blocks * LANES, levels = encode.levels();
  const std::int32_t* start = layer.tiles.starts.data() + static_cast<std::ptrdiff_t>(set) * Tiles::ROWS;
  __mmask16 there[PARTS];
  for (int part = 0; part < PARTS; part++) {
    there[part] = static_cast<__mmask16>((1u << std::clamp(lanes - part * 16, 0, 16)) - 1);
  }
  for (int x = 0; x < width; x += TOGETHER, features += TOGETHER * lanes, codes += TOGETHER * pixel) {
    const int pixels = std::min(TOGETHER, width - x);
    __m512i rows[4];
#pragma GCC unroll 4
    for (int part = 0; part < 4; part++) {
      const __mmask16 mask = part / PARTS < pixels ? there[part % PARTS] : __mmask16{0};
      rows[part] = _mm512_maskz_loadu_epi32(mask, features + part / PARTS * lanes + part % PARTS * 16);
    }
    Word planes[MAX_PLANES];
    encode_rows(encode, 0, rows, start, planes, 1);
    for (int level = 0; level < levels; level++) {
      for (int i = 0; i < pixels; i++) {
        codes[i * pixel + level] = planes[level] >> i * BITS & (~Word{0} >> (64 - BITS));
      }
    }
  }
}
#endif

// Codes of a line of features, which are sums already.
inline void encode_line(const Layer& layer, int set, const Value& source, const std::int32_t* features, Word* codes,
                        int pixel) {
  const Finish finish(layer, set);
#if defined(__AVX512VNNI__)
  if (finish.groups()) {
    const auto encode = by_levels(layer, [&](auto kind) {
      return layer.tiles.together == 4   ? &encode_narrow<kind.LEVELS, kind.NARROW, 4>
             : layer.tiles.together == 2 ? &encode_narrow<kind.LEVELS, kind.NARROW, 2>
                                         : &encode_wide<kind.LEVELS, kind.NARROW>;
    });
    return encode(layer, set, features, source.width, codes, pixel);
  }
#endif
  for (int x = 0; x < source.width; x++, features += source.pixel, codes += pixel) {
    for (int block = 0; block < layer.row_blocks; block++) {
      finish(block, finish.start(block) + load(features + block * LANES), codes);
    }
  }
}

// The bounds of features keep a result within 32 bits; what is added on the way may leave them, and wraps.
inline std::int32_t wrapped(std::uint32_t number) { return static_cast<std::int32_t>(number); }

// Of `count` numbers; `result` may be `left`.
inline void add_shifted(std::int32_t* result, const std::int32_t* left, int left_shift, const std::int32_t* right,
                        int right_shift, std::size_t count) {
  for (std::size_t i = 0; i < count; i++) {
    result[i] = wrapped((static_cast<std::uint32_t>(left[i]) << left_shift) +
                        (static_cast<std::uint32_t>(right[i]) << right_shift));
  }
}

// Of `count` pixels, in numbers of T on the way.
template <typename T>
void bend(const Step& step, std::int32_t* result, const std::int32_t* source, int lanes, int count) {
  const std::int32_t *slope = step.constants.data(), *before = slope + lanes, *after = before + lanes;
  for (int pixel = 0; pixel < count; pixel++, source += lanes, result += lanes) {
    for (int lane = 0; lane < lanes; lane++) {
      const T y = static_cast<T>(source[lane]) + before[lane];
      result[lane] = static_cast<std::int32_t>(two_slope_of<T>(y, slope[lane], after[lane], step.shifts[0]));
    }
  }
}

// The largest or the sum of every window.
template <bool LARGEST>
void pool_windows(const Step& step, const Value& source, const std::int32_t* map, const Value& result,
                  std::int32_t* out) {
  for (int y = 0; y < result.height; y++) {
    const Part rows = step.window.rows(y, source.height);
    for (int x = 0; x < result.width; x++, out += result.pixel) {
      const Part columns = step.window.columns(x, source.width);
      for (int row = rows.first; row < rows.end; row++) {
        for (int column = columns.first; column < columns.end; column++) {
          const std::int32_t* there = map + static_cast<std::ptrdiff_t>(row) * source.line + column * source.pixel;
          if (row == rows.first && column == columns.first) {
            std::memcpy(out, there, static_cast<std::size_t>(result.pixel) * sizeof(std::int32_t));
            continue;
          }
          for (int channel = 0; channel < result.pixel; channel++) {
            if (LARGEST) {
              out[channel] = std::max(out[channel], there[channel]);
            } else {
              out[channel] =
                  wrapped(static_cast<std::uint32_t>(out[channel]) + static_cast<std::uint32_t>(there[channel]));
            }
          }
        }
      }
    }
  }
}

// Some channels of a pixel, and zeros behind them.
inline void copy_channels(std::int32_t* to, const std::int32_t* from, int channels, int filled) {
  for (int channel = 0; channel < channels; channel++) to[channel] = from[channel];
  for (int channel = channels; channel < channels + filled; channel++) to[channel] = 0;
}

// Bits of a plane from bit `place` on, where nothing counts that stands there already, in a plane of `all` words.
inline void append_bits(Word* to, int place, int all, const Word* from, int words) {
  const int shift = place % 64;
  int at = place / 64;
  for (int word = 0; word < words; word++, at++) {
    if (shift == 0) {
      to[at] = from[word];
      continue;
    }
    to[at] |= from[word] << shift;
    if (at + 1 < all) to[at + 1] = from[word] >> (64 - shift);
  }
}

// Every fourth bit of a word, from the lowest on: 16 of them.
inline Word every_fourth(Word bits) {
  bits &= 0x1111111111111111;
  bits = (bits | bits >> 3) & 0x0303030303030303;
  bits = (bits | bits >> 6) & 0x000f000f000f000f;
  bits = (bits | bits >> 12) & 0x000000ff000000ff;
  return (bits | bits >> 24) & 0xffff;
}

// Every `stride`th bit of a plane, `count` of them, from `first` on; behind the plane's last bit its words are 0.
inline void take_bits(Word* to, int count, const Word* from, int first, int stride) {
  for (int done = 0; done < count; done += 64, to++) {
    const int here = std::min(64, count - done);
    *to = 0;
    if (stride == 4) {
      for (int i = 0; i < here; i += 16) *to |= every_fourth(from[(done + i) / 16] >> first) << i;
      continue;
    }
    for (int i = 0; i < here; i++) {
      const int bit = first + (done + i) * stride;
      *to |= (from[bit / 64] >> (bit % 64) & 1) << i;
    }
  }
}

}  // namespace
}  // namespace rebnet::REBNET_ISA
