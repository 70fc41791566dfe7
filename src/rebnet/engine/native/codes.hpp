// A layer that reads codes, by the best way to count their bits. Included by run_image.cpp, once for each instruction
// set.
#pragma once

#include "sums_avx2.hpp"

namespace rebnet::REBNET_ISA {
namespace {

// Whether the lines of the layer are looked up, which then is done.
template <typename Behind>
bool looked_up([[maybe_unused]] const Layer& layer, [[maybe_unused]] const Word* map,
               [[maybe_unused]] const Places& places, [[maybe_unused]] int set, [[maybe_unused]] const Target& target,
               [[maybe_unused]] const Finish& finish, [[maybe_unused]] Behind behind) {
#if defined(REBNET_ALONE_AVX2)
  const bool summed = layer.sums_planes(set);
  if (layer.lookups.blocks == 0) return false;
  const std::ptrdiff_t down = static_cast<std::ptrdiff_t>(layer.window.stride_h) * layer.line;
  const auto each = [&](auto look_up) {
    for (int y = 0; y < layer.out_height; y++) {
      look_up(map + y * down, y, target.first + static_cast<std::ptrdiff_t>(y) * target.line);
      behind(y);
    }
  };
  if (summed) {
    SumLines sum(layer, set, places.tables, places.places);
    each([&](const Word* line, int y, Word* out) { sum(line, y, out, target.pixel); });
    return true;
  }
  const Encode32 encode(layer, set);
  each([&](const Word* line, int y, Word* out) {
    spread_line(layer, line, y, places.nibbles);
    look_up_line(layer, finish, encode, set, places.nibbles, out, target.pixel);
  });
  return true;
#else
  return false;
#endif
}

// `behind` is called with the number of every line that is done.
template <typename Behind = Nothing>
void run_codes(const Layer& layer, const Word* map, const Places& places, int set, const Target& target,
               const Finish& finish, Behind behind = {}) {
  if (looked_up(layer, map, places, set, target, finish, behind)) return;
  const std::int64_t* gains = layer.gains.data() + static_cast<std::size_t>(set) * layer.planes;
  const int planes = layer.planes_used[set], together = planes < 4 ? 6 / planes : 1, across = layer.across;
  const bool one_by_one = planes > MAX_PLANES || layer.weight_planes() > 1;
  for (int y = 0; y < layer.out_height; y++) {
    const Word* line = map + static_cast<std::ptrdiff_t>(y) * layer.window.stride_h * layer.line;
    Word* out = target.first + static_cast<std::ptrdiff_t>(y) * target.line;
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
