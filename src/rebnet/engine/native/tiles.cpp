// Layers prepared for int8 matrix units: maps laid out, weights and constants dealt out to tiles.
#include <algorithm>

#include "network.hpp"

namespace rebnet {
namespace {

constexpr int COLUMNS = 16, TILES = Tiles::ROWS / COLUMNS;  // rows of a tile of weights; tiles of a group

int round_up(int value, int unit) { return (value + unit - 1) / unit * unit; }

int groups_of(const Layer& layer) { return (layer.rows + Tiles::ROWS - 1) / Tiles::ROWS; }

// The layer's row that column `column` of tile `tile` computes.
int row_of(int group, int tile, int column) { return group * Tiles::ROWS + column / 4 * 16 + tile * 4 + column % 4; }

// Where the weight of byte `place` of a window stands in a row of `Layer::weights`; -1: nowhere.
//
// A pixel of the first layer's map in front holds a column of the window's pixels, one below the other, or the whole
// window.
int place_of(const Layer& layer, int byte) {
  if (layer.pixels && layer.tiles.pixel == layer.columns()) return byte < layer.columns() ? byte : -1;
  if (layer.pixels) {
    const int tall = layer.window.kernel_h * layer.channels, kx = byte / tall, ky = byte % tall / layer.channels;
    return kx < layer.window.kernel_w ? (ky * layer.window.kernel_w + kx) * layer.channels + byte % layer.channels : -1;
  }
  const int position = byte / layer.tiles.pixel, channel = byte % layer.tiles.pixel;
  return channel < layer.channels ? position * layer.channel_words() * 64 + channel : -1;
}

void lay_out_tiles(Layer& layer, int pixel) {
  Tiles& tiles = layer.tiles;
  tiles.pixel = pixel;
  const int across = layer.padded_width();
  tiles.line = across * pixel;
  tiles.origin = layer.pixels ? layer.window.left * pixel : layer.window.top * tiles.line + layer.window.left * pixel;
  tiles.stride = layer.window.stride_w * pixel;
  const int parts = layer.pixels ? 1 : layer.window.kernel_h;  // that stand apart
  for (int part = 0; part < parts; part++) {
    for (int byte = 0; byte < layer.window.kernel_w * pixel; byte += LINE)
      tiles.offsets.push_back(part * tiles.line + byte);
  }
  tiles.steps = static_cast<int>(tiles.offsets.size());

  const bool goes_on = layer.window.stride_h == 1 && layer.window.stride_w == 1;  // over lines
  const int lines = goes_on ? 1 : layer.out_height;
  const int windows = goes_on ? (layer.out_height - 1) * across + layer.out_width : layer.out_width;
  const int next_line = layer.pixels ? tiles.line : layer.window.stride_h * tiles.line;
  for (int y = 0; y < lines; y++) {
    for (int first = 0; first < windows; first += Tiles::WINDOWS) {
      tiles.blocks.push_back({y * next_line + first * tiles.stride, std::min(Tiles::WINDOWS, windows - first)});
      for (int window = first; window < first + Tiles::WINDOWS; window++) {
        const int x = goes_on ? window % across : window;
        const int line = goes_on ? window / across : y;
        tiles.places.push_back(window < windows && x < layer.out_width ? line * layer.out_width + x : -1);
      }
    }
  }
  const int last = tiles.blocks.back().source + (Tiles::WINDOWS - 1) * tiles.stride + tiles.offsets.back() + LINE;
  const int map_lines = layer.pixels ? layer.out_height : layer.padded_height();
  tiles.map_bytes = static_cast<std::size_t>(round_up(std::max(map_lines * tiles.line, last), LINE));
}

// The maps of images in front of a layer of a single window.
void lay_out_batch(Layer& layer) {
  Tiles& tiles = layer.tiles;
  if (layer.pixels) {
    tiles.pixel = layer.columns();
    for (int byte = 0; byte < tiles.pixel; byte += LINE) tiles.offsets.push_back(byte);
    tiles.steps = static_cast<int>(tiles.offsets.size());
    tiles.map_bytes = static_cast<std::size_t>(round_up(tiles.pixel, LINE));
  } else {
    lay_out_tiles(layer, round_up(layer.channels, LINE));
    tiles.map_bytes =
        static_cast<std::size_t>(tiles.line) * std::max(layer.window.top + layer.height, layer.window.kernel_h);
  }
  tiles.stride = static_cast<int>(tiles.map_bytes);
}

void deal_weights(Layer& layer) {
  Tiles& tiles = layer.tiles;
  tiles.groups = groups_of(layer);
  tiles.weights.assign(static_cast<std::size_t>(tiles.groups) * TILES * tiles.steps * COLUMNS * LINE, 0);
  std::int8_t* next = tiles.weights.data();
  for (int group = 0; group < tiles.groups; group++) {
    for (int pair = 0; pair < TILES; pair += 2) {
      for (int step = 0; step < tiles.steps; step++) {
        for (int tile = pair; tile < pair + 2; tile++) {
          for (int quad = 0; quad < LINE; quad += 4) {
            for (int column = 0; column < COLUMNS; column++) {
              const int row = row_of(group, tile, column);
              for (int byte = quad; byte < quad + 4; byte++, next++) {
                const int place = place_of(layer, step * LINE + byte);
                if (row < layer.rows && place >= 0)
                  *next = layer.positive(row, static_cast<std::size_t>(place)) ? 1 : -1;
              }
            }
          }
        }
      }
    }
  }
}

void deal_constants(Layer& layer, int sets) {
  Tiles& tiles = layer.tiles;
  tiles.groups = groups_of(layer);
  if (layer.encodes() && layer.rows <= Tiles::ROWS / 2) tiles.together = layer.rows <= COLUMNS ? TILES : 2;
  const int levels = std::max(layer.levels_out - 1, 0);
  const std::size_t rows = static_cast<std::size_t>(tiles.groups) * Tiles::ROWS;
  tiles.starts.assign(sets * rows, static_cast<std::int32_t>(UNREACHED - never(layer.shift)));
  tiles.rests.assign(sets * rows, 0);
  tiles.encoder_steps.assign(sets * rows * levels, 0);
  tiles.narrow_steps.assign(sets * rows * levels, 0);
  tiles.narrow = true;
  for (int set = 0; set < sets; set++) {
    const std::int64_t gains = layer.gain_sum(set);
    for (std::size_t place = 0; place < rows; place++) {
      const int group = static_cast<int>(place) / Tiles::ROWS, within = static_cast<int>(place) % Tiles::ROWS;
      const int row = row_of(group, within / COLUMNS, within % COLUMNS) % (tiles.groups * Tiles::ROWS / tiles.together);
      if (row >= layer.rows) continue;
      const std::size_t block = static_cast<std::size_t>(set) * layer.row_blocks + row / LANES;
      tiles.starts[set * rows + place] =
          static_cast<std::int32_t>(gains * layer.negatives(row) - layer.threshold(set, row));
      tiles.rests[set * rows + place] = static_cast<std::int32_t>(layer.rest(set, row));
      std::int64_t reach = 0;
      for (int level = 0; level < levels; level++) {
        const std::int64_t step = layer.steps[(block * levels + level) * LANES + row % LANES];
        const std::size_t vector =
            ((static_cast<std::size_t>(set) * tiles.groups + group) * levels + level) * Tiles::ROWS;
        tiles.encoder_steps[vector + within] = static_cast<std::int32_t>(step);
        // packing two vectors of 32 bits takes four of the one, four of the other, and so on
        const int tile = within / COLUMNS, column = within % COLUMNS;
        tiles.narrow_steps[vector + tile / 2 * 32 + column / 4 * 8 + tile % 2 * 4 + column % 4] =
            static_cast<std::int16_t>(step);
        reach += step < 0 ? 1 << 15 : step;
      }
      if (reach >= 1 << 15) tiles.narrow = false;
    }
  }
}

// Whether a larger code never weighs less, so that the largest weight of a pool's window is that of its largest code.
bool ascends(const Layer& layer, const Layer& next, int sets) {
  for (int set = 0; set < sets; set++) {
    std::int64_t before = 0;
    for (int code = 0; code < 1 << layer.levels_out; code++) {
      std::int64_t value = 0;
      for (int level = 0; level < layer.levels_out; level++) {
        if (code >> (layer.levels_out - 1 - level) & 1) value += next.gains[set * next.planes + level];
      }
      if (value < before) return false;
      before = value;
    }
  }
  return true;
}

// Whether activations are bytes and sums have 32 bits.
bool narrow_enough(const Layer& layer, int sets) {
  if (layer.groups > 1) return false;
  if (layer.weight_planes() > 1) return false;  // weights of planes are no bytes of +1 and -1
  if (!layer.fits_32_bits(sets)) return false;
  for (int set = 0; set < sets; set++) {
    if (layer.gain_sum(set) > 255) return false;
  }
  const std::int64_t tall = layer.pixels ? layer.window.kernel_h : 1;
  const std::int64_t across = layer.width + 2 * layer.window.kernel_w, below = layer.height + 2 * layer.window.kernel_h;
  return tall * across * below * round_up(layer.channels, LINE) < 1 << 24;
}

bool fits(const Layer& layer, const Layer& next, int sets) {
  if (layer.out_height * layer.out_width < 4 || layer.levels_out < 1) return false;
  if (layer.pools() && !ascends(layer, next, sets)) return false;
  return narrow_enough(layer, sets);
}

bool fits_batches(const Layer& layer, int sets) {
  const bool whole = layer.columns() == layer.height * layer.width * layer.channels;
  const bool single = layer.out_height * layer.out_width == 1 && !layer.pools();
  return single && (whole || !layer.pixels) && narrow_enough(layer, sets);
}

void set_values(Layer& layer, const Layer* next, int sets) {
  for (int set = 0; set < sets; set++) {
    for (int level = 0; level < layer.levels_out; level++) {
      layer.tiles.values.push_back(static_cast<std::uint8_t>(
          next == nullptr ? 1 << (layer.levels_out - 1 - level) : next->gains[set * next->planes + level]));
    }
  }
}

}  // namespace

void prepare_groups(Network& network) {
  for (Layer& layer : network.layers) {
    if (layer.levels_out == 0 || layer.tiles.groups != 0 || !narrow_enough(layer, network.sets)) continue;
    if (layer.pixels) {
      lay_out_batch(layer);  // windows are copied as whole ones
      deal_weights(layer);
    }
    deal_constants(layer, network.sets);
  }
}

void prepare_tiles(Network& network) {
  std::vector<Layer>& layers = network.layers;
  const auto tiled = [&](std::size_t index) {
    return index + 1 < layers.size() && fits(layers[index], layers[index + 1], network.sets);
  };
  while (tiled(static_cast<std::size_t>(network.tiled))) network.tiled++;
  for (int index = 0; index < network.tiled; index++) {
    Layer& layer = layers[static_cast<std::size_t>(index)];
    lay_out_tiles(layer, layer.pixels ? layer.window.kernel_h * layer.channels : round_up(layer.channels, LINE));
    deal_weights(layer);
    deal_constants(layer, network.sets);
  }
  for (int index = 0; index < network.tiled; index++) {
    Layer& layer = layers[static_cast<std::size_t>(index)];
    const Layer& next = layers[static_cast<std::size_t>(index) + 1];
    Tiles& tiles = layer.tiles;
    const bool last = index + 1 == network.tiled;
    tiles.out_pixel = tiles.groups * Tiles::ROWS;
    tiles.out_line = last ? layer.pooled_width * tiles.out_pixel : next.tiles.line;
    tiles.out_origin = last ? 0 : next.tiles.origin;
    const int line = layer.pools() ? layer.out_width * tiles.out_pixel : tiles.out_line;
    const int origin = layer.pools() ? 0 : tiles.out_origin;
    for (int& place : tiles.places) {
      if (place >= 0) place = origin + place / layer.out_width * line + place % layer.out_width * tiles.out_pixel;
    }
    set_values(layer, last ? nullptr : &next, network.sets);
  }

  const std::size_t tiled_layers = static_cast<std::size_t>(network.tiled);
  for (std::size_t index = tiled_layers; index < layers.size(); index++) {
    if (!fits_batches(layers[index], network.sets)) return;
  }
  for (std::size_t index = tiled_layers; index < layers.size(); index++) {
    Layer& layer = layers[index];
    lay_out_batch(layer);
    deal_weights(layer);
    deal_constants(layer, network.sets);
    layer.tiles.out_pixel = layer.tiles.groups * Tiles::ROWS;
  }
  for (std::size_t index = tiled_layers; index < layers.size(); index++) {
    Tiles& tiles = layers[index].tiles;
    const bool last = index + 1 == layers.size();
    const int size = last ? tiles.out_pixel * 4 : layers[index + 1].tiles.stride;
    const int origin = last ? 0 : layers[index + 1].tiles.origin;
    tiles.places.clear();
    for (int image = 0; image < Tiles::WINDOWS; image++) tiles.places.push_back(image * size + origin);
    if (!last) set_values(layers[index], &layers[index + 1], network.sets);
  }
  network.batched = static_cast<int>(layers.size() - tiled_layers);
}

}  // namespace rebnet
