// What int8 matrix units need of a network. It grows vectors, so it is compiled without their flags: the linker may take
// a template's code from any translation unit for all of them.
#include "tiles.hpp"

#include <algorithm>

namespace rebnet::amx {
namespace {

int round_up(int value, int unit) { return (value + unit - 1) / unit * unit; }

bool weight(const Layer& layer, int row, std::size_t place) {
  const Word* block = layer.weights.data() + static_cast<std::size_t>(row / LANES) * layer.words * LANES + row % LANES;
  return block[place / 64 * LANES] >> place % 64 & 1;
}

void prepare_layer(Layer& layer, const Layer& next, int sets, int pitch) {
  Tiles& tiles = layer.tiles;
  const int rows = round_up(layer.rows, ROWS), positions = layer.kernel_h * layer.kernel_w;
  tiles.pitch = pitch;
  tiles.depth = round_up(positions * pitch, DEPTH);
  tiles.out_pitch = rows;
  tiles.direct = !layer.pixels && pitch % DEPTH == 0 && layer.stride == 1 &&
                 layer.out_height == layer.height - layer.kernel_h + 1 &&
                 layer.out_width == layer.width - layer.kernel_w + 1;
  for (int depth = 0; depth < tiles.depth; depth += DEPTH) {
    const int row = depth / (layer.kernel_w * pitch);
    tiles.offsets.push_back(tiles.direct ? depth + row * (layer.width - layer.kernel_w) * pitch : depth);
  }
  tiles.weights.assign(static_cast<std::size_t>(rows) * tiles.depth, 0);
  tiles.thresholds.assign(static_cast<std::size_t>(sets) * rows, 1 << 30);
  tiles.steps.assign(static_cast<std::size_t>(sets) * (layer.levels_out - 1) * rows, 0);
  for (int row = 0; row < layer.rows; row++) {
    std::int64_t negative = 0;
    for (int position = 0; position < positions; position++) {
      for (int channel = 0; channel < layer.channels; channel++) {
        const std::size_t place = layer.pixels ? static_cast<std::size_t>(position) * layer.channels + channel
                                               : static_cast<std::size_t>(position) * layer.channel_words() * 64 + channel;
        const bool positive = weight(layer, row, place);
        negative += !positive;
        const int depth = position * pitch + channel;
        const std::size_t tile = static_cast<std::size_t>(row / ROWS) * (tiles.depth / DEPTH) + depth / DEPTH;
        const std::size_t quad = static_cast<std::size_t>(depth % DEPTH / 4);
        tiles.weights[tile * ROWS * DEPTH + quad * DEPTH + row % ROWS * 4 + depth % 4] = positive ? 1 : -1;
      }
    }
    for (int set = 0; set < sets; set++) {
      std::int64_t gains = 0;
      for (int plane = 0; plane < layer.planes; plane++) gains += layer.gains[set * layer.planes + plane];
      const std::size_t block = static_cast<std::size_t>(set) * layer.row_blocks + row / LANES;
      tiles.thresholds[static_cast<std::size_t>(set) * rows + row] =
          static_cast<std::int32_t>(layer.thresholds[block * LANES + row % LANES] - gains * negative);
      for (int level = 0; level < layer.levels_out - 1; level++) {
        tiles.steps[(static_cast<std::size_t>(set) * (layer.levels_out - 1) + level) * rows + row] =
            static_cast<std::int32_t>(layer.steps[(block * (layer.levels_out - 1) + level) * LANES + row % LANES]);
      }
    }
  }
  for (int set = 0; set < sets; set++) {
    for (int code = 0; code < 1 << MAX_LEVELS; code++) {
      std::int64_t value = 0;
      for (int level = 0; level < layer.levels_out; level++) {
        if (code >> (layer.levels_out - 1 - level) & 1) value += next.gains[set * next.planes + level];
      }
      tiles.values.push_back(static_cast<std::uint8_t>(value));
    }
  }
}

bool fits(const Layer& layer, const Layer& next, int sets) {
  if (layer.out_height * layer.out_width < 4 || layer.levels_out < 1 || layer.levels_out > MAX_LEVELS) return false;
  std::int64_t most = 0;
  for (int set = 0; set < sets; set++) {
    std::int64_t gains = 0, incoming = 0;
    for (int plane = 0; plane < next.planes; plane++) gains += next.gains[set * next.planes + plane];
    for (int plane = 0; plane < layer.planes; plane++) incoming += layer.gains[set * layer.planes + plane];
    if (gains > 255 || incoming > 255) return false;
    most = std::max(most, incoming * layer.columns());
  }
  for (const auto* values : {&layer.thresholds, &layer.steps}) {
    for (const std::int64_t value : *values) {
      if (value != UNREACHED && (value >= 1 << 26 || value <= -(1 << 26))) return false;
    }
  }
  return most < 1 << 26;
}

}  // namespace

void prepare(Network& network) {
  int pitch = network.channels;
  for (std::size_t index = 0; index + 1 < network.layers.size(); index++) {
    Layer& layer = network.layers[index];
    if (!fits(layer, network.layers[index + 1], network.sets)) break;
    prepare_layer(layer, network.layers[index + 1], network.sets, pitch);
    pitch = layer.tiles.out_pitch;
    network.tiled++;
  }
}

}  // namespace rebnet::amx
