// A layer that reads codes, by the best way to count their bits. Included by run_image.cpp, once for each instruction
// set.
#pragma once

#include "lookups.hpp"

namespace rebnet::REBNET_ISA {
namespace {

// `behind` is called with the number of every line that is done.
template <typename Behind = Nothing>
void run_codes(const Layer& layer, const Word* map, std::uint8_t* nibbles, int set, const Target& target,
               const Finish& finish, Behind behind = {}) {
  const std::int64_t* gains = layer.gains.data() + static_cast<std::size_t>(set) * layer.planes;
  const int planes = layer.planes_used[set], together = planes < 4 ? 6 / planes : 1, across = layer.across;
  const bool one_by_one = planes > MAX_PLANES || layer.weight_planes() > 1;
  for (int y = 0; y < layer.out_height; y++) {
    const Word* line = map + static_cast<std::ptrdiff_t>(y) * layer.window.stride_h * layer.line;
    Word* out = target.first + static_cast<std::ptrdiff_t>(y) * target.line;
    if (LOOKUPS && layer.lookups.blocks > 0) {
      spread_line(layer, line, y, nibbles);
      look_up_line(layer, finish, set, nibbles, out, target.pixel);
      behind(y);
      continue;
    }
    for (int x = 0; one_by_one && x < layer.out_width; x++) {
      count_stack(layer, finish, gains, line + x * across, planes, out + x * target.pixel);
    }
    for (int x = 0; !one_by_one && x < layer.out_width; x += together) {
      const int windows = std::min(together, layer.out_width - x);
      COUNT_BITS[planes - 1][windows - 1](layer, finish, gains, line + x * across, across, out + x * target.pixel,
                                          target.pixel);
    }
    behind(y);
  }
}

}  // namespace
}  // namespace rebnet::REBNET_ISA
