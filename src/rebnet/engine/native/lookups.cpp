// Weights as indices of tables: four of each row to a byte.
#include <algorithm>

#include "network.hpp"

namespace rebnet {
namespace {

constexpr std::size_t MOST_COLUMNS = (1 << 15) - 1;  // a row's ones are counted in 16 bits, with a sign

bool looks_up(const Layer& layer) {
  return !layer.pixels && !layer.encodes() && layer.groups == 1 && layer.weight_planes() == 1 &&
         layer.planes <= MAX_PLANES && static_cast<std::size_t>(layer.columns()) <= MOST_COLUMNS;
}

// Of the lines under a line of windows: how far they are read, and what of them the next line of windows reads too.
void reach(Layer& layer) {
  const Window& window = layer.window;
  const std::int64_t last = (layer.out_width - 1) * std::int64_t{layer.across} +
                            *std::max_element(layer.offsets.begin(), layer.offsets.end()) +
                            (layer.planes - 1) * std::int64_t{layer.plane_words};
  layer.lookups.reach = static_cast<int>(last + 1);
  const bool again = layer.out_height > 1 && window.stride_h < window.kernel_h;
  layer.lookups.kept = again ? static_cast<int>(last + 1 - std::int64_t{window.stride_h} * layer.line) : 0;
}

// Whether sums of four columns are of twice SUM_BITS, and those of a window of 16 in each half.
bool can_sum(const Layer& layer, int set) {
  constexpr int MOST = 1 << Lookups::SUM_BITS;
  return layer.encoding.blocks > 0 && 4 * layer.gain_sum(set) < MOST * MOST && layer.words * 16 * (MOST - 1) < 1 << 15;
}

// Sums are two look-ups in place of one for each plane. A table takes some time, and serves all windows that have its
// pixel, and all blocks of rows; all of a line take place in the cache.
bool better_summed(const Layer& layer, int set) {
  constexpr std::int64_t LEAST = 8, MOST_PLACE = 1 << 19;
  const Window& window = layer.window;
  const std::int64_t windows = std::min(
      std::int64_t{layer.out_height} * layer.out_width,
      std::max(std::int64_t{1}, std::int64_t{window.kernel_h} * window.kernel_w / (window.stride_h * window.stride_w)));
  const std::int64_t bytes = std::int64_t{window.kernel_h} * layer.lookups.pixels * layer.plane_words * 16 * 32;
  return layer.planes_used[static_cast<std::size_t>(set)] > 2 && windows * layer.lookups.blocks >= LEAST &&
         bytes <= MOST_PLACE;
}

void choose_sums(Layer& layer, int sets, Kernel kernel) {
  Lookups& lookups = layer.lookups;
  const int line = lookups.reach - (layer.window.kernel_h - 1) * layer.line;  // words of the last one
  lookups.pixels = (line + layer.pixel - 1) / layer.pixel;
  for (int set = 0; set < sets; set++) {
    const bool wanted = kernel == Kernel::SUMS || (kernel == Kernel::BEST && better_summed(layer, set));
    lookups.sums.push_back(wanted && can_sum(layer, set));
    for (int plane = 0; plane < layer.planes; plane++) {
      const std::int64_t gain = layer.gains[static_cast<std::size_t>(set) * layer.planes + plane];
      for (unsigned pair = 0; pair < 256; pair++) {
        lookups.weighed.push_back(lookups.sums.back() ? static_cast<std::uint16_t>(Lookups::differing(pair) * gain)
                                                      : 0);
      }
    }
  }
  if (std::find(lookups.sums.begin(), lookups.sums.end(), 1) == lookups.sums.end()) {
    lookups.pixels = 0;
    lookups.weighed.clear();
  }
}

}  // namespace

void prepare_lookups(Network& network) {
  for (Layer& layer : network.layers) {
    if (!looks_up(layer)) continue;
    reach(layer);
    Lookups& lookups = layer.lookups;
    lookups.blocks = (layer.rows + Lookups::ROWS - 1) / Lookups::ROWS;
    const int bits = layer.gathered ? layer.window.kernel_w * layer.channels : layer.channels;  // that stand together
    const int words = (bits + 63) / 64;
    std::size_t steps = 0;
    for (int word = 0; word < layer.words; word++) {
      lookups.steps.push_back((std::min(64, bits - word % words * 64) + Lookups::BITS - 1) / Lookups::BITS);
      steps += static_cast<std::size_t>(lookups.steps.back());
    }
    choose_sums(layer, network.sets, network.kernel);
    lookups.block_bytes = steps * (Lookups::BITS / 4) * Lookups::ROWS;
    lookups.weights.assign(lookups.block_bytes * static_cast<std::size_t>(lookups.blocks), 0);
    std::uint8_t* to = lookups.weights.data();
    for (int block = 0; block < lookups.blocks; block++) {
      for (int word = 0; word < layer.words; word++) {
        for (int nibble = 0; nibble < lookups.steps[word] * Lookups::BITS / 4; nibble++, to += Lookups::ROWS) {
          for (int within = 0; within < Lookups::ROWS; within++) {
            const int row = block * Lookups::ROWS + within, lanes = row / LANES;
            if (lanes >= layer.row_blocks) continue;
            const Word weights =
                layer.weights[(static_cast<std::size_t>(lanes) * layer.words + word) * LANES + row % LANES];
            to[Lookups::place_of(within)] = static_cast<std::uint8_t>(weights >> 4 * nibble & 15);
          }
        }
      }
    }
  }
}

}  // namespace rebnet
