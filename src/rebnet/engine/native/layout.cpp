// Where maps stand in memory, and constants that follow from weights.
#include <algorithm>

#include "network.hpp"

namespace rebnet {
namespace {

constexpr int ROWS = 16;  // of a block of byte weights
constexpr int SLACK = 8;  // bytes that copying a window may touch behind it

void lay_out_map(Layer& layer) {
  const int across = std::max(layer.pad_left + layer.width, (layer.out_width - 1) * layer.stride + layer.kernel_w);
  const int below = std::max(layer.pad_top + layer.height, (layer.out_height - 1) * layer.stride + layer.kernel_h);
  layer.pixel = layer.pixels ? layer.channels : layer.planes * layer.channel_words();
  layer.line = across * layer.pixel;
  layer.origin = layer.pad_top * layer.line + layer.pad_left * layer.pixel;
  layer.map_size = static_cast<std::size_t>(below) * layer.line + (layer.pixels ? SLACK : 0);
  if (layer.pixels) return;
  for (int ky = 0; ky < layer.kernel_h; ky++) {
    for (int kx = 0; kx < layer.kernel_w; kx++) {
      for (int word = 0; word < layer.channel_words(); word++) {
        layer.offsets.push_back(ky * layer.line + kx * layer.pixel + word);
      }
    }
  }
}

void spread_weights(Layer& layer) {
  const int blocks = (layer.rows + ROWS - 1) / ROWS;
  layer.bytes.assign(static_cast<std::size_t>(blocks) * layer.quads() * ROWS * 4, 0);
  for (int row = 0; row < layer.rows; row++) {
    for (int column = 0; column < layer.columns(); column++) {
      const std::size_t quad = static_cast<std::size_t>(row / ROWS) * layer.quads() + column / 4;
      layer.bytes[(quad * ROWS + row % ROWS) * 4 + column % 4] =
          layer.positive(row, static_cast<std::size_t>(column)) ? 1 : -1;
    }
  }
}

// A = sum of gain * (columns - differing bits) for codes, and (bytes x weights) + G n for pixels, n the weights of -1.
void begin_sums(Layer& layer, int sets) {
  const std::size_t lanes = static_cast<std::size_t>(layer.row_blocks) * LANES;
  layer.starts.assign(sets * lanes, -UNREACHED);
  for (int set = 0; set < sets; set++) {
    std::int64_t gains = 0;
    for (int plane = 0; plane < layer.planes; plane++) gains += layer.gains[set * layer.planes + plane];
    for (int row = 0; row < layer.rows; row++) {
      std::int64_t counted = layer.columns();
      for (int column = 0; layer.pixels && column < layer.columns(); column++) {
        counted -= layer.positive(row, static_cast<std::size_t>(column));
      }
      const std::size_t place = set * lanes + row;
      layer.starts[place] = gains * counted - (layer.levels_out ? layer.thresholds[place] : 0);
    }
  }
}

}  // namespace

void lay_out(Network& network) {
  for (Layer& layer : network.layers) {
    lay_out_map(layer);
    if (layer.pixels) spread_weights(layer);
    begin_sums(layer, network.sets);
  }
}

Workspace::Workspace(const Network& network) {
  std::size_t largest = 0, unpooled_largest = 0;
  for (std::size_t index = 0; index < network.layers.size(); index++) {
    const Layer& layer = network.layers[index];
    if (layer.pixels) {
      image.resize(layer.map_size);
      windows.resize(static_cast<std::size_t>(layer.out_width) * layer.quads() * 4 + SLACK);
    } else {
      maps.emplace_back(layer.map_size);
    }
    const std::size_t windows = static_cast<std::size_t>(layer.out_height) * layer.out_width;
    if (layer.pool_kernel) largest = std::max(largest, windows * layer.levels_out * layer.out_words());
    if (index >= static_cast<std::size_t>(network.tiled)) continue;
    bytes.emplace_back(layer.tiles.map_bytes);
    const std::size_t out_bytes = windows * static_cast<std::size_t>(layer.tiles.out_pixel);
    if (layer.pool_kernel) unpooled_largest = std::max(unpooled_largest, out_bytes);
    if (index + 1 == static_cast<std::size_t>(network.tiled)) bytes.emplace_back(out_bytes);
  }
  for (std::size_t index = 0; index < static_cast<std::size_t>(network.batched); index++) {
    const Tiles& tiles = network.layers[static_cast<std::size_t>(network.tiled) + index].tiles;
    batches.emplace_back(Tiles::WINDOWS * tiles.map_bytes);
    sums.resize(Tiles::WINDOWS * static_cast<std::size_t>(tiles.out_pixel) * sizeof(std::int32_t));
  }
  unpooled.resize(largest);
  unpooled_bytes.resize(unpooled_largest);
}

}  // namespace rebnet
