#include "builder.hpp"

#include <cstdlib>
#include <initializer_list>
#include <stdexcept>
#include <utility>

namespace rebnet {

void require(bool held, const char* what) {
  if (!held) throw std::invalid_argument(what);
}

namespace {

bool sized(std::initializer_list<int> sizes) {
  for (const int size : sizes) {
    if (size < 1 || size > MOST_SIZE) return false;
  }
  return true;
}

void pack(Layer& layer, const std::uint8_t* packed, std::size_t columns) {
  const std::size_t row_bytes = (columns + 7) / 8;
  const std::size_t channels = static_cast<std::size_t>(layer.channels);
  const std::size_t rows = static_cast<std::size_t>(layer.rows), planes = layer.weight_gains.size();
  const std::size_t plane_words = static_cast<std::size_t>(layer.row_blocks) * layer.words * LANES;
  layer.weights.assign(planes * plane_words, 0);
  for (std::size_t one = 0; one < planes * rows; one++) {
    const std::size_t row = one % rows;
    Word* block = layer.weights.data() + one / rows * plane_words + row / LANES * layer.words * LANES + row % LANES;
    for (std::size_t column = 0; column < columns; column++) {
      const Word bit = packed[one * row_bytes + column / 8] >> (7 - column % 8) & 1;
      const std::size_t place = layer.pixels || layer.groups > 1
                                    ? column
                                    : column / channels * layer.channel_words() * 64 + column % channels;
      block[place / 64 * LANES] |= bit << place % 64;
    }
  }
}

}  // namespace

Builder::Builder(int height, int width, int channels, int bits, int sets) {
  require(sized({height, width, channels}), "image: sizes must be 1 to 32767");
  require(std::int64_t{height} * width * channels < MOST_PLACES, "image: too large");
  require(bits > 0 && bits <= 8, "image: bits must be 1 to 8");
  require(sets > 0 && sets <= MAX_PLANES, "network: sets must be 1 to 8");
  network_ = Network{height, width, channels, bits, sets, 0, {}, {}, {}, {}};
  network_.values.push_back(Value{Value::PIXELS, height, width, channels, bits, 0, {}, {}});
}

const Value& Builder::value(int number) const {
  require(number >= 0 && static_cast<std::size_t>(number) < network_.values.size(), "step: reads no value");
  return network_.values[static_cast<std::size_t>(number)];
}

int Builder::put(Step step, Value value) {
  require(network_.scores == 0, "step: stands behind the scores");
  step.target = static_cast<int>(network_.values.size());
  network_.steps.push_back(std::move(step));
  network_.values.push_back(std::move(value));
  return static_cast<int>(network_.values.size()) - 1;
}

Layer& Builder::sums(int source) {
  const Value& read = value(source);
  require(read.kind == Value::SUMS, "step: reads no sums of a layer");
  Layer& layer = network_.layers[static_cast<std::size_t>(read.layer)];
  require(layer.slopes.empty() && layer.scale.empty(), "step: these sums are read already");
  return layer;
}

void Builder::fits(const Window& window, int height, int width, int out_height, int out_width, const char* what) const {
  const std::string name = what;
  require(sized({window.kernel_h, window.kernel_w, window.stride_h, window.stride_w}) && window.top >= 0 &&
              window.left >= 0 && window.top < window.kernel_h && window.left < window.kernel_w,
          (name + ": no such window").c_str());
  require(sized({out_height, out_width}) && std::int64_t{out_height - 1} * window.stride_h - window.top < height &&
              std::int64_t{out_width - 1} * window.stride_w - window.left < width,
          (name + ": windows outside of the map").c_str());
}

int Builder::layer(int source, const Window& window, int out_height, int out_width, int rows, int groups,
                   int levels_out, int shift, const View<std::uint8_t>& weights, const View<std::int64_t>& weight_gains,
                   const View<std::int64_t>& gains, const View<std::int64_t>& thresholds,
                   const View<std::int64_t>& steps) {
  const Value read = value(source);
  require(network_.scores == 0, "step: stands behind the scores");
  require(read.kind == Value::PIXELS || read.kind == Value::CODES, "layer: reads no codes");
  fits(window, read.height, read.width, out_height, out_width, "layer");
  require(rows > 0 && rows < (1 << 24), "layer: no such number of rows");
  require(std::int64_t{out_height} * out_width * (rows + 15) < MOST_PLACES, "layer: too large");
  require(groups > 0 && read.channels % groups == 0 && rows % groups == 0, "layer: groups must divide its channels");
  require(levels_out >= 0 && levels_out <= MAX_PLANES, "layer: levels must be at most 8");
  Layer layer{};
  layer.height = read.height, layer.width = read.width, layer.channels = read.channels;
  layer.window = window;
  layer.out_height = layer.pooled_height = out_height, layer.out_width = layer.pooled_width = out_width;
  layer.groups = groups;
  layer.rows = rows, layer.planes = read.planes, layer.pixels = read.kind == Value::PIXELS;
  const std::size_t columns = static_cast<std::size_t>(window.kernel_h) * window.kernel_w * (read.channels / groups);
  require(columns < (1u << 24), "layer: too many columns");
  const std::int64_t across = window.left + read.width + window.kernel_w,
                     below = window.top + read.height + window.kernel_h;  // at most, with padding
  const std::int64_t pixel = layer.pixels ? read.channels : read.planes * layer.channel_words();
  require(across * below < MOST_PLACES / 64 && across * below * pixel < MOST_PLACES / 8, "layer: too large");
  layer.words = static_cast<int>(layer.pixels || groups > 1 ? (columns + 63) / 64
                                                            : columns / read.channels * layer.channel_words());
  layer.row_blocks = (rows + LANES - 1) / LANES;
  const std::size_t weight_planes = weight_gains.shape.size() == 1 ? weight_gains.shape[0] : 0;
  require(weight_planes >= 1 && weight_planes <= MAX_PLANES, "layer: weights must have 1 to 8 planes");
  layer.weight_gains = copied(weight_gains);
  for (const std::int64_t gain : layer.weight_gains) {
    require(gain >= 1 && gain < 256, "layer: gains of weights must be 1 to 255");
  }
  require(weight_planes > 1 || layer.weight_gains[0] == 1, "layer: a single plane of weights counts 1");
  shaped(weights, {weight_planes, static_cast<std::size_t>(rows), (columns + 7) / 8},
         "layer: weights of another shape");
  pack(layer, weights.data, columns);

  const std::size_t sets = static_cast<std::size_t>(network_.sets);
  shaped(gains, {sets, static_cast<std::size_t>(read.planes)}, "layer: gains of another shape");
  layer.gains = copied(gains);
  for (std::size_t set = 0; set < sets; set++) {
    int used = 1;
    for (int plane = 0; plane < read.planes; plane++) {
      const std::int64_t gain = layer.gains[set * read.planes + plane];
      require(gain >= 0 && gain < (1 << 20), "layer: gains must be 0 to 2^20 - 1");
      require(!layer.pixels || gain == 1 << (read.planes - 1 - plane), "layer: gains of pixels must be powers of two");
      if (gain > 0) used = plane + 1;
    }
    layer.planes_used.push_back(used);
  }
  if (levels_out > 0) {
    encoder(layer, levels_out, shift, thresholds, steps);
  }
  Value made{levels_out ? Value::CODES : Value::SUMS, out_height, out_width, rows, levels_out, 0, {}, {}};
  made.layer = static_cast<int>(network_.layers.size());
  Step step{Step::LAYER, {source}, 0, made.layer, {}, {}};
  network_.layers.push_back(std::move(layer));
  return put(std::move(step), std::move(made));
}

void Builder::encoder(Layer& layer, int levels, int shift, const View<std::int64_t>& thresholds,
                      const View<std::int64_t>& steps) const {
  const std::size_t sets = static_cast<std::size_t>(network_.sets), rows = static_cast<std::size_t>(layer.rows);
  require(levels > 0 && levels <= MAX_PLANES, "encoder: levels must be 1 to 8");
  require(shift >= 0 && shift <= MOST_SHIFT, "encoder: shift must be 0 to 12");
  shaped(thresholds, {sets, rows}, "encoder: thresholds of another shape");
  layer.tree = levels > 1 && steps.shape.size() == 3 && steps.shape[2] != static_cast<std::size_t>(levels - 1);
  layer.row_steps = layer.tree ? (1 << levels) - 2 : levels - 1;
  shaped(steps, {sets, rows, static_cast<std::size_t>(layer.row_steps)}, "encoder: steps of another shape");
  for (const std::int64_t t : copied(thresholds)) require(within(t, MOST_CONSTANT), "encoder: no such threshold");
  for (const std::int64_t step : copied(steps)) require(within(step, MOST_CONSTANT), "encoder: no such step");
  layer.levels_out = levels, layer.shift = shift;
  constants(layer, thresholds.data, steps.data);
}

void Builder::scores(int source, const View<std::int64_t>& scale, const View<std::int64_t>& bias,
                     const View<std::int64_t>& reach) {
  require(network_.scores == 0, "scores: are there already");
  Layer& layer = sums(source);
  const std::size_t sets = static_cast<std::size_t>(network_.sets), rows = static_cast<std::size_t>(layer.rows);
  shaped(scale, {sets, rows}, "scores: scale of another shape");
  shaped(bias, {sets, rows}, "scores: bias of another shape");
  shaped(reach, {sets}, "scores: reach of another shape");
  layer.scale = copied(scale);
  layer.bias = copied(bias);
  layer.reach = copied(reach);
  for (std::size_t set = 0; set < sets; set++) {
    std::int64_t most = 0;  // of 2 A - reach
    for (int plane = 0; plane < layer.planes; plane++) {
      most += 2 * layer.columns() * layer.weight_gain_sum() * layer.gains[set * layer.planes + plane];
    }
    require(within(layer.reach[set], MOST_SCORE), "scores: leave 64 bits");
    most += std::abs(layer.reach[set]) + 1;
    for (std::size_t place = set * rows; place < (set + 1) * rows; place++) {
      require(within(layer.scale[place], MOST_SCORE / most) && within(layer.bias[place], MOST_SCORE),
              "scores: leave 64 bits");
    }
  }
  network_.scores = layer.out_height * layer.out_width * layer.rows;
}

Network Builder::finished() const {
  require(network_.scores > 0, "network: ends without scores");
  for (const Layer& layer : network_.layers) {
    require(layer.levels_out > 0 || !layer.slopes.empty() || !layer.scale.empty(), "network: sums that nothing reads");
  }
  Network network = network_;
  is_chain(network) ? fold_chain(network) : lay_out_values(network);
  return network;
}

void Builder::constants(Layer& layer, const std::int64_t* thresholds, const std::int64_t* steps) const {
  const std::size_t rows = static_cast<std::size_t>(layer.rows), sets = static_cast<std::size_t>(network_.sets);
  const std::size_t lanes = static_cast<std::size_t>(layer.row_blocks) * LANES;
  const std::size_t numbers = static_cast<std::size_t>(layer.row_steps);
  layer.thresholds.assign(sets * lanes, UNREACHED);
  layer.steps.assign(sets * lanes * numbers, 0);
  for (std::size_t set = 0; set < sets; set++) {
    for (std::size_t row = 0; row < rows; row++) {
      layer.thresholds[set * lanes + row] = thresholds[set * rows + row];
      for (std::size_t step = 0; step < numbers; step++) {
        const std::size_t block = (set * lanes + row) / LANES;
        layer.steps[(block * numbers + step) * LANES + row % LANES] = steps[(set * rows + row) * numbers + step];
      }
    }
  }
}

}  // namespace rebnet
