// Convolutions in groups: rows that see the channels of their own group alone. Included by run_image.cpp, once for each
// instruction set.
#pragma once

#include <array>
#include <cstring>

#include "pixels.hpp"

namespace rebnet::REBNET_ISA {
namespace {

// Every bit of a byte as a byte of its own, the lowest first.
constexpr std::array<Word, 256> spread_bytes() {
  std::array<Word, 256> found{};
  for (std::size_t byte = 0; byte < 256; byte++) {
    for (std::size_t bit = 0; bit < 8; bit++) found[byte] |= Word{byte >> bit & 1} << 8 * bit;
  }
  return found;
}
constexpr std::array<Word, 256> SPREAD = spread_bytes();

// A window of a depthwise layer with a row a channel: eight rows are a byte of a pixel's plane.
void count_depthwise(const Layer& layer, const Finish& finish, const std::int64_t* gains, int planes,
                     const Word* window, Word* pixel) {
  constexpr int MOST = 255;  // ones that a byte counts
  const int area = layer.columns(), step = layer.channel_words();
  for (int block = 0; block < layer.row_blocks; block++) {
    Signed residual = finish.start(block);
    for (int plane = 0; plane < planes; plane++) {
      const std::uint8_t* bytes = reinterpret_cast<const std::uint8_t*>(window + plane * layer.plane_words) + block;
      const std::uint8_t* weights = layer.group_bits.data() + block;
      Signed differing{};
      for (int first = 0; first < area; first += MOST) {
        Word ones = 0;
        for (int place = first; place < area && place < first + MOST; place++, weights += layer.row_blocks) {
          ones += SPREAD[bytes[layer.offsets[place * step] * static_cast<std::ptrdiff_t>(sizeof(Word))] ^ *weights];
        }
        differing += widened_bytes(ones);
      }
      residual -= product(differing, Signed{} + gains[plane]);
    }
    finish(block, residual, pixel);
  }
}

// Bits `first` … of a plane, `count` of them, behind the `place` bits that stand in `to`; what stands behind is 0.
void append_part(Word* to, int place, const Word* from, int first, int count) {
  for (int done = 0; done < count;) {
    const int at = first + done, into = place + done;
    const int bits = std::min({count - done, 64 - at % 64, 64 - into % 64});
    const Word mask = bits == 64 ? ~Word{0} : (Word{1} << bits) - 1;
    to[into / 64] |= (from[at / 64] >> at % 64 & mask) << into % 64;
    done += bits;
  }
}

// A window of any other: the bits of each group, plane by plane, into `space`, and every row against its group's.
void count_groups(const Layer& layer, const Finish& finish, const std::int64_t* gains, int planes, const Word* window,
                  Word* space, Word* pixel) {
  const int words = layer.words, own = layer.channels / layer.groups, rows = layer.rows / layer.groups;
  const int step = layer.channel_words(), area = layer.columns() / own;
  std::memset(space, 0, static_cast<std::size_t>(planes) * layer.groups * words * sizeof(Word));
  Word* to = space;
  for (int plane = 0; plane < planes; plane++) {
    for (int group = 0; group < layer.groups; group++, to += words) {
      for (int place = 0; place < area; place++) {
        const Word* from = window + layer.offsets[place * step] + plane * layer.plane_words;
        append_part(to, place * own, from, group * own, own);
      }
    }
  }
  for (int block = 0; block < layer.row_blocks; block++) {
    int groups[LANES];  // of the block's rows
    for (int lane = 0; lane < LANES; lane++) groups[lane] = std::min(block * LANES + lane, layer.rows - 1) / rows;
    Signed residual = finish.start(block);
    for (int plane = 0; plane < planes; plane++) {
      const Word* from = space + static_cast<std::ptrdiff_t>(plane) * layer.groups * words;
      const Word* weights = layer.weights.data() + static_cast<std::ptrdiff_t>(block) * words * LANES;
      Lanes differing{};
      for (int word = 0; word < words; word++, weights += LANES) {
        if (groups[0] == groups[LANES - 1]) {
          differing.count(load(weights), from[static_cast<std::ptrdiff_t>(groups[0]) * words + word]);
          continue;
        }
        Word seen[LANES];
        for (int lane = 0; lane < LANES; lane++) {
          seen[lane] = weights[lane] ^ from[static_cast<std::ptrdiff_t>(groups[lane]) * words + word];
        }
        differing.count(load(seen), 0);
      }
      residual -= times(differing, Signed{} + gains[plane]);
    }
    finish(block, residual, pixel);
  }
}

// `space`: as many words as `Layer::group_words` says.
template <typename Behind = Nothing>
void run_groups(const Layer& layer, const Word* map, Word* space, int set, const Target& target, const Finish& finish,
                Behind behind = {}) {
  const std::int64_t* gains = layer.gains.data() + static_cast<std::size_t>(set) * layer.planes;
  const int planes = layer.planes_used[static_cast<std::size_t>(set)];
  for (int y = 0; y < layer.out_height; y++) {
    const Word* window = map + static_cast<std::ptrdiff_t>(y) * layer.window.stride_h * layer.line;
    Word* pixel = target.first + static_cast<std::ptrdiff_t>(y) * target.line;
    for (int x = 0; x < layer.out_width; x++, window += layer.across, pixel += target.pixel) {
      if (layer.depthwise()) {
        count_depthwise(layer, finish, gains, planes, window, pixel);
      } else {
        count_groups(layer, finish, gains, planes, window, space, pixel);
      }
    }
    behind(y);
  }
}

// The same of pixels; `map` is where the image gets its padding.
template <typename Behind = Nothing>
void run_group_pixels(const Layer& layer, std::uint8_t* map, const std::uint8_t* image, const Target& target,
                      const Finish& finish, Behind behind = {}) {
  const int own = layer.channels / layer.groups, rows = layer.rows / layer.groups, across = layer.window.kernel_w * own;
  copy_image(layer, image, map);
  for (int y = 0; y < layer.out_height; y++) {
    const std::uint8_t* window = map + static_cast<std::ptrdiff_t>(y) * layer.window.stride_h * layer.line;
    Word* pixel = target.first + static_cast<std::ptrdiff_t>(y) * target.line;
    for (int x = 0; x < layer.out_width; x++, window += layer.window.stride_w * layer.pixel, pixel += target.pixel) {
      for (int block = 0; block < layer.row_blocks; block++) {
        std::int64_t sums[LANES] = {};
        for (int row = block * LANES; row < layer.rows && row < (block + 1) * LANES; row++) {
          const std::uint8_t* from = window + row / rows * own;
          const std::int8_t* weights = layer.bytes.data() + static_cast<std::ptrdiff_t>(row) * layer.columns();
          std::int32_t sum = 0;
          for (int ky = 0; ky < layer.window.kernel_h; ky++) {
            for (int place = 0; place < across; place++, weights++) {
              sum += *weights * from[ky * layer.line + place / own * layer.pixel + place % own];
            }
          }
          sums[row % LANES] = sum;
        }
        finish(block, finish.start(block) + load(sums), pixel);
      }
    }
    behind(y);
  }
}

}  // namespace
}  // namespace rebnet::REBNET_ISA
