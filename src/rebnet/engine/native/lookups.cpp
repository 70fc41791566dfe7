// Weights as indices of tables: four of each row to a byte.
#include <algorithm>

#include "network.hpp"

namespace rebnet {
namespace {

constexpr std::size_t MOST_COLUMNS = (1 << 15) - 1;  // a row's ones are counted in 16 bits, with a sign

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

// Windows of pixels share no tables; where there are many, two share each load of weights as bytes.
bool better_pixels_summed(const Layer& layer) {
  constexpr std::int64_t LEAST_COLUMNS = 64, LEAST_WEIGHTS = 1 << 15;
  const bool single = layer.out_height * layer.out_width == 1;
  return single ? layer.columns() >= LEAST_COLUMNS : std::int64_t{layer.columns()} * layer.rows >= LEAST_WEIGHTS;
}

bool looks_up(const Layer& layer, const Network& network) {
  if (layer.pixels) {
    const bool wanted =
        network.kernel == Kernel::SUMS || (network.kernel == Kernel::BEST && better_pixels_summed(layer));
    return wanted && can_sum(layer, 0);
  }
  return !layer.encodes() && layer.groups == 1 && layer.weight_planes() == 1 && layer.planes <= MAX_PLANES &&
         static_cast<std::size_t>(layer.columns()) <= MOST_COLUMNS;
}

// Nothing of pixels is taken off that does not differ, as of codes.
void start_differing(Layer& layer, int sets) {
  Encoding& encoding = layer.encoding;
  for (int set = 0; set < sets; set++) {
    for (int row = 0; row < layer.rows; row++) {
      const std::size_t block = static_cast<std::size_t>(set) * encoding.blocks + row / Encoding::ROWS;
      encoding.starts[block * Encoding::ROWS + Encoding::place_32(row % Encoding::ROWS)] +=
          static_cast<std::int32_t>(layer.gain_sum(set) * (layer.columns() - layer.negatives(row)));
    }
  }
}

void choose_sums(Layer& layer, int sets, Kernel kernel) {
  Lookups& lookups = layer.lookups;
  const int line = lookups.reach - (layer.window.kernel_h - 1) * layer.line;  // words of the last one
  lookups.pixels = (line + layer.pixel - 1) / layer.pixel;
  for (int set = 0; set < sets; set++) {
    const bool wanted = kernel == Kernel::SUMS || (kernel == Kernel::BEST && better_summed(layer, set));
    lookups.sums.push_back(wanted && can_sum(layer, set));
  }
  if (std::find(lookups.sums.begin(), lookups.sums.end(), 1) == lookups.sums.end()) lookups.pixels = 0;
}

}  // namespace

void prepare_lookups(Network& network) {
  for (Layer& layer : network.layers) {
    if (!looks_up(layer, network)) continue;
    Lookups& lookups = layer.lookups;
    lookups.blocks = (layer.rows + Lookups::ROWS - 1) / Lookups::ROWS;
    const int bits = layer.pixels     ? layer.columns()
                     : layer.gathered ? layer.window.kernel_w * layer.channels
                                      : layer.channels;  // that stand together
    const int words = (bits + 63) / 64;
    std::size_t steps = 0;
    for (int word = 0; word < layer.words; word++) {
      lookups.steps.push_back((std::min(64, bits - word % words * 64) + Lookups::BITS - 1) / Lookups::BITS);
      steps += static_cast<std::size_t>(lookups.steps.back());
    }
    if (layer.pixels) {
      lookups.sums.assign(static_cast<std::size_t>(network.sets), 1);
      start_differing(layer, network.sets);
    } else {
      reach(layer);
      choose_sums(layer, network.sets, network.kernel);
    }
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
