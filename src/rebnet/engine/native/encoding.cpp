// Constants of Algorithm 1, and weights of pixels, for 32 rows at a time.
#include <algorithm>

#include "network.hpp"

namespace rebnet {
namespace {

constexpr int ROWS = Encoding::ROWS;
constexpr std::int64_t MOST_16 = (1 << 15) - 1;

std::int16_t limit(const Layer& layer, int set, int row) {
  const std::int64_t gain = layer.gains[static_cast<std::size_t>(set) * layer.planes];
  const std::int64_t start = layer.starts[(static_cast<std::size_t>(set) * layer.row_blocks * LANES) + row];
  if (start < 0) return -1;
  return static_cast<std::int16_t>(gain == 0 ? MOST_16 : std::min(MOST_16, start / gain));
}

// Constants of Algorithm 1 in the order of `Encoding`.
void deal_constants(Layer& layer, int sets) {
  Encoding& encoding = layer.encoding;
  encoding.blocks = (layer.rows + ROWS - 1) / ROWS;
  encoding.narrow = true;
  const int levels = layer.levels_out - 1;
  const std::size_t rows = static_cast<std::size_t>(encoding.blocks) * ROWS;
  encoding.starts.assign(sets * rows, static_cast<std::int32_t>(UNREACHED - never(layer.shift)));
  encoding.rests.assign(sets * rows, 0);
  encoding.steps.assign(sets * rows * levels, 0);
  encoding.half_steps.assign(sets * rows * levels, 0);
  encoding.limits.assign(sets * rows, -1);
  for (int set = 0; set < sets; set++) {
    for (int row = 0; row < layer.rows; row++) {
      const int within = row % ROWS;
      const std::size_t block = static_cast<std::size_t>(set) * encoding.blocks + row / ROWS,
                        from = static_cast<std::size_t>(set) * layer.row_blocks * LANES + row;
      encoding.starts[block * ROWS + Encoding::place_32(within)] = static_cast<std::int32_t>(layer.starts[from]);
      encoding.rests[block * ROWS + Encoding::place_32(within)] = static_cast<std::int32_t>(layer.rests[from]);
      encoding.limits[block * ROWS + Encoding::place_16(within)] = limit(layer, set, row);
      std::int64_t sum = 0;
      for (int level = 0; level < levels; level++) {
        const std::int64_t step =
            layer.steps[(from / LANES * levels + static_cast<std::size_t>(level)) * LANES + row % LANES];
        const std::size_t to = (block * levels + static_cast<std::size_t>(level)) * ROWS;
        encoding.steps[to + Encoding::place_32(within)] = static_cast<std::int32_t>(step);
        encoding.half_steps[to + Encoding::place_16(within)] = static_cast<std::int16_t>(step);
        sum += step < 0 ? 1 << 15 : step;
      }
      if (sum >= 1 << 15) encoding.narrow = false;
    }
  }
}

// Whether sums of 32 rows become codes together: counts of bits and gains are multiplied in 16 bits.
bool encodes_blocks(const Layer& layer, int sets) {
  if (layer.levels_out == 0 || layer.encodes() || layer.groups > 1 || layer.weight_planes() > 1) return false;
  for (const std::int64_t gain : layer.gains) {
    if (gain > MOST_16) return false;
  }
  return (layer.pixels || layer.columns() <= MOST_16) && layer.fits_32_bits(sets);
}

void deal_weights(Layer& layer) {
  Encoding& encoding = layer.encoding;
  const std::size_t quads = static_cast<std::size_t>(layer.quads());
  encoding.weights.assign(static_cast<std::size_t>(encoding.blocks) * quads * 4 * ROWS, 0);
  for (int row = 0; row < layer.rows; row++) {
    for (std::size_t column = 0; column < static_cast<std::size_t>(layer.columns()); column++) {
      const std::size_t quad = static_cast<std::size_t>(row / ROWS) * quads + column / 4;
      const std::size_t place = (quad * ROWS + static_cast<std::size_t>(Encoding::place_32(row % ROWS))) * 4;
      encoding.weights[place + column % 4] = layer.positive(row, column) ? 1 : -1;
    }
  }
}

}  // namespace

void prepare_encoding(Network& network) {
  for (Layer& layer : network.layers) {
    if (!encodes_blocks(layer, network.sets)) continue;
    deal_constants(layer, network.sets);
    if (layer.pixels) deal_weights(layer);
  }
}

}  // namespace rebnet
