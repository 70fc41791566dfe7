// Where maps stand in memory, and constants that follow from weights.
#include <algorithm>
#include <cstring>

#include "network.hpp"

namespace rebnet {
namespace {

constexpr int ROWS = 16;                         // of a block of byte weights
constexpr std::int64_t MOST_GATHERED = 1 << 26;  // words of a map
constexpr int SLACK = 8;                         // bytes that copying a window may touch behind it
constexpr std::int64_t FITS = 1 << 26;           // sums, thresholds and steps below it never overflow 32 bits

void lay_out_pixels(Layer& layer) {
  for (int ky = 0; ky < layer.window.kernel_h; ky++) {
    for (int kx = 0; kx < layer.window.kernel_w; kx++) {
      for (int word = 0; word < layer.channel_words(); word++) {
        layer.offsets.push_back(ky * layer.line + kx * layer.pixel + word);
      }
    }
  }
}

// Weights in the order of gathered bits.
void gather_weights(Layer& layer) {
  const int line_words = layer.plane_words, words = layer.window.kernel_h * line_words;
  const int blocks = layer.weight_planes() * layer.row_blocks;
  Aligned<Word> gathered(static_cast<std::size_t>(blocks) * words * LANES, 0);
  for (int block = 0; block < blocks; block++) {
    for (int place = 0; place < layer.words; place++) {
      const int bit = place % layer.window.kernel_w * layer.channels, shift = bit % 64;
      const int word = place / layer.window.kernel_w * line_words + bit / 64;
      const Word* from = layer.weights.data() + (static_cast<std::size_t>(block) * layer.words + place) * LANES;
      Word* to = gathered.data() + (static_cast<std::size_t>(block) * words + word) * LANES;
      for (int lane = 0; lane < LANES; lane++) {
        to[lane] |= from[lane] << shift;
        if (shift + layer.channels > 64) to[LANES + lane] |= from[lane] >> (64 - shift);
      }
    }
  }
  layer.weights = std::move(gathered);
  layer.words = words;
}

// The map in front of a layer of a network with branches, which others may read too.
void lay_out_shared(Layer& layer, const Value& codes) {
  layer.pixel = codes.pixel, layer.line = layer.source_line = codes.line, layer.plane_words = layer.channel_words();
  layer.first = codes.origin - layer.window.top * codes.line - layer.window.left * codes.pixel;
  layer.across = layer.window.stride_w * layer.pixel;
  const int line_words = (layer.window.kernel_w * layer.channels + 63) / 64;
  const std::int64_t pixels =
      std::int64_t{(layer.out_height - 1) * layer.window.stride_h + layer.window.kernel_h} * layer.out_width;
  layer.gathered = layer.groups == 1 && layer.channels < 64 && line_words < layer.window.kernel_w &&
                   pixels < MOST_GATHERED && pixels * line_words * layer.planes < MOST_GATHERED;
  if (!layer.gathered) return lay_out_pixels(layer);
  layer.plane_words = line_words;
  layer.pixel = layer.across = layer.planes * line_words;
  layer.line = layer.out_width * layer.pixel;
  for (int ky = 0; ky < layer.window.kernel_h; ky++) {
    for (int word = 0; word < line_words; word++) layer.offsets.push_back(ky * layer.line + word);
  }
  gather_weights(layer);
  layer.map_size = static_cast<std::size_t>((layer.out_height - 1) * layer.window.stride_h + layer.window.kernel_h) *
                   static_cast<std::size_t>(layer.line);
}

void lay_out_map(Layer& layer) {
  layer.pixel = layer.pixels ? layer.channels : layer.planes * layer.channel_words();
  layer.line = layer.padded_width() * layer.pixel;
  layer.origin = layer.window.top * layer.line + layer.window.left * layer.pixel;
  layer.plane_words = layer.channel_words();
  layer.across = layer.window.stride_w * layer.pixel;
  layer.map_size = static_cast<std::size_t>(layer.padded_height()) * layer.line + (layer.pixels ? SLACK : 0);
  if (!layer.pixels) lay_out_pixels(layer);
}

// Of a line of a layer's windows of pixels.
std::size_t window_bytes(const Layer& layer) {
  return static_cast<std::size_t>(layer.out_width) * layer.quads() * 4 + SLACK;
}

void spread_weights(Layer& layer) {
  if (layer.groups > 1) {
    for (int row = 0; row < layer.rows; row++) {
      for (int column = 0; column < layer.columns(); column++) {
        layer.bytes.push_back(layer.positive(row, static_cast<std::size_t>(column), 0) ? 1 : -1);
      }
    }
    return;
  }
  const int blocks = (layer.rows + ROWS - 1) / ROWS, planes = layer.weight_planes();
  layer.bytes.assign(static_cast<std::size_t>(planes) * blocks * layer.quads() * ROWS * 4, 0);
  for (int plane = 0; plane < planes; plane++) {
    for (int row = 0; row < layer.rows; row++) {
      for (int column = 0; column < layer.columns(); column++) {
        const std::size_t quad = static_cast<std::size_t>(plane * blocks + row / ROWS) * layer.quads() + column / 4;
        layer.bytes[(quad * ROWS + row % ROWS) * 4 + column % 4] =
            layer.positive(row, static_cast<std::size_t>(column), plane) ? 1 : -1;
      }
    }
  }
}

void spread_depthwise(Layer& layer) {
  layer.group_bits.assign(static_cast<std::size_t>(layer.columns()) * layer.row_blocks, 0);
  for (int row = 0; row < layer.rows; row++) {
    for (int place = 0; place < layer.columns(); place++) {
      const int bit = layer.positive(row, static_cast<std::size_t>(place), 0);
      layer.group_bits[static_cast<std::size_t>(place) * layer.row_blocks + row / LANES] |=
          static_cast<std::uint8_t>(bit << row % LANES);
    }
  }
}

// A = sum of gain * (columns - differing bits) for codes, and (bytes x weights) + G n for pixels, n the weights of -1;
// of several planes of weights each counts its gain.
void begin_sums(Layer& layer, int sets) {
  const std::size_t lanes = static_cast<std::size_t>(layer.row_blocks) * LANES;
  layer.starts.assign(sets * lanes, -never(layer.shift));
  layer.rests.assign(sets * lanes, 0);
  for (int set = 0; set < sets; set++) {
    for (int row = 0; row < layer.rows; row++) {
      const std::int64_t counted = layer.pixels ? layer.negatives(row) : layer.columns() * layer.weight_gain_sum();
      layer.starts[set * lanes + row] = layer.gain_sum(set) * counted - layer.threshold(set, row);
      layer.rests[set * lanes + row] = layer.rest(set, row);
    }
  }
}

}  // namespace

int Layer::padded_width() const {
  return std::max(window.left + width, (out_width - 1) * window.stride_w + window.kernel_w);
}

bool Layer::halves() const {
  return pool.kernel_h == 2 && pool.kernel_w == 2 && pool.top == 0 && pool.left == 0 &&
         (pooled_height - 1) * pool.stride_h + 2 <= out_height && (pooled_width - 1) * pool.stride_w + 2 <= out_width;
}

int Layer::padded_height() const {
  return std::max(window.top + height, (out_height - 1) * window.stride_h + window.kernel_h);
}

std::int64_t Layer::gain_sum(int set) const {
  std::int64_t sum = 0;
  for (int plane = 0; plane < planes; plane++) sum += gains[set * planes + plane];
  return sum;
}

std::int64_t Layer::weight_gain_sum() const {
  std::int64_t sum = 0;
  for (const std::int64_t gain : weight_gains) sum += gain;
  return sum;
}

std::int64_t Layer::negatives(int row) const {
  std::int64_t counted = 0;
  for (int plane = 0; plane < weight_planes(); plane++) {
    int positive_bits = 0;
    for (int word = 0; word < words; word++) {
      const std::size_t block = static_cast<std::size_t>(plane * row_blocks + row / LANES) * words + word;
      for (Word left = weights[block * LANES + row % LANES]; left != 0; left &= left - 1) positive_bits++;
    }
    counted += weight_gains[static_cast<std::size_t>(plane)] * (columns() - positive_bits);
  }
  return counted;
}

std::int64_t Layer::threshold(int set, int row) const {
  return levels_out ? -(-thresholds[static_cast<std::size_t>(set) * row_blocks * LANES + row] >> shift) : 0;
}

std::int64_t Layer::rest(int set, int row) const {
  const std::int64_t mask = (std::int64_t{1} << shift) - 1;
  return levels_out ? -thresholds[static_cast<std::size_t>(set) * row_blocks * LANES + row] & mask : 0;
}

bool Layer::fits_32_bits(int sets) const {
  if (tree || farthest << shift >= FITS) return false;
  for (int set = 0; set < sets; set++) {
    if (gain_sum(set) * weight_gain_sum() * columns() << shift >= FITS) return false;
  }
  for (const auto* values : {&thresholds, &steps}) {
    for (const std::int64_t value : *values) {
      if (value != UNREACHED && (value >= FITS || value <= -FITS)) return false;
    }
  }
  return true;
}

std::int64_t Layer::score(int set, int row, std::int64_t a) const {
  const std::size_t place = static_cast<std::size_t>(set) * rows + row;
  return scale[place] * (2 * a - reach[set]) + bias[place];
}

void copy_pixels(std::uint8_t* target, const std::uint8_t* pixels, std::size_t count, int bits) {
  if (bits == 8) {
    std::memcpy(target, pixels, count);
    return;
  }
  for (std::size_t i = 0; i < count; i++) target[i] = static_cast<std::uint8_t>(pixels[i] >> (8 - bits));
}

void lay_out(Network& network) {
  std::vector<const Value*> shared(network.layers.size());
  for (const Step& step : network.steps) {
    const Value& source = network.values[static_cast<std::size_t>(step.sources[0])];
    if (step.kind == Step::LAYER && source.kind == Value::CODES) shared[static_cast<std::size_t>(step.layer)] = &source;
  }
  for (std::size_t index = 0; index < network.layers.size(); index++) {
    Layer& layer = network.layers[index];
    shared[index] ? lay_out_shared(layer, *shared[index]) : lay_out_map(layer);
    if (layer.pixels) spread_weights(layer);
    if (layer.depthwise() && !layer.pixels) spread_depthwise(layer);
    begin_sums(layer, network.sets);
  }
}

Workspace::Workspace(const Network& network) {
  network.steps.empty() ? chain(network) : branches(network);
  std::size_t most = 0;
  for (const Layer& layer : network.layers) most = std::max(most, layer.group_words());
  groups.resize(most);
  std::size_t words = 0, summed = 0, offsets = 0;
  for (const Layer& layer : network.layers) {
    words = std::max(words, static_cast<std::size_t>(layer.lookups.reach));
    const std::size_t pixels = static_cast<std::size_t>(layer.window.kernel_h) * layer.lookups.pixels;
    summed = std::max(summed, pixels * static_cast<std::size_t>(layer.plane_words));
    if (layer.lookups.pixels > 0) offsets = std::max(offsets, layer.offsets.size());
    if (layer.pixels && layer.lookups.blocks > 0) {
      summed = std::max(summed, static_cast<std::size_t>(layer.words));
      offsets = std::max(offsets, static_cast<std::size_t>(layer.words));
    }
  }
  nibbles.resize(16 * words);
  tables.resize(16 * summed * Lookups::ENTRY);
  places.resize(offsets);
}

void Workspace::branches(const Network& network) {
  std::size_t widest = 0, largest = 0;
  for (const Layer& layer : network.layers) {
    if (layer.gathered) largest = std::max(largest, layer.map_size);
    images.emplace_back(layer.pixels ? layer.map_size : 0);
    if (layer.pixels) widest = std::max(widest, window_bytes(layer));
  }
  windows.resize(widest);
  gathered.resize(largest);
  for (const Value& value : network.values) {
    if (value.kind == Value::CODES) codes.emplace_back(value.size);
  }
  for (const std::size_t size : network.feature_sizes) features.emplace_back(size);
}

void Workspace::chain(const Network& network) {
  std::size_t largest = 0, unpooled_largest = 0;
  for (std::size_t index = 0; index < network.layers.size(); index++) {
    const Layer& layer = network.layers[index];
    if (layer.pixels) {
      image.resize(layer.map_size);
      windows.resize(window_bytes(layer));
    } else {
      maps.emplace_back(layer.map_size);
    }
    const std::size_t windows = static_cast<std::size_t>(layer.out_height) * layer.out_width;
    if (layer.pools()) largest = std::max(largest, windows * layer.levels_out * layer.out_words());
    if (index >= static_cast<std::size_t>(network.tiled)) continue;
    bytes.emplace_back(layer.tiles.map_bytes);
    const std::size_t out_bytes = windows * static_cast<std::size_t>(layer.tiles.out_pixel);
    if (layer.pools()) unpooled_largest = std::max(unpooled_largest, out_bytes);
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
