// Steps between layers, as a builder takes them, and where their values stand in memory.
#include <algorithm>
#include <cstdlib>
#include <limits>
#include <utility>

#include "builder.hpp"

namespace rebnet {
namespace {

constexpr std::int64_t MOST_SCALE = 1 << 20, MOST_SUM = std::int64_t{1} << 31;
constexpr std::int64_t MOST_SLOPE = 1 << 15, MOST_SHIFTED = (std::int64_t{1} << 31) - 1, MOST_NARROW = 1 << 30;
constexpr int MOST_DOWN = 40, MOST_SLOPE_DOWN = 15, MOST_CHANNELS = 1 << 24;
constexpr std::size_t MOST_SOURCES = 4096;

void bounded(const Value& value) {
  for (std::size_t set = 0; set < value.low.size(); set++) {
    require(value.low[set] >= std::numeric_limits<std::int32_t>::min() &&
                value.high[set] <= std::numeric_limits<std::int32_t>::max(),
            "features: leave 32 bits");
  }
}

void sized(const Value& value) {
  const std::int64_t pixel = value.kind == Value::CODES ? value.planes * value.words() : value.lanes();
  require(value.channels < MOST_CHANNELS && std::int64_t{value.height} * value.width * pixel < MOST_PLACES / 8,
          "step: makes a map that is too large");
}

}  // namespace

int Builder::rescale(int source, const View<std::int64_t>& scale, const View<std::int64_t>& bias, int shift) {
  Layer& layer = sums(source);
  const std::size_t sets = static_cast<std::size_t>(network_.sets), rows = static_cast<std::size_t>(layer.rows);
  require(network_.scores == 0, "step: stands behind the scores");
  shaped(scale, {sets, rows}, "rescale: scale of another shape");
  shaped(bias, {sets, rows}, "rescale: bias of another shape");
  require(shift >= 0 && shift <= MOST_DOWN, "rescale: shift must be 0 to 40");
  Value made = value(source);
  made.kind = Value::FEATURES;
  sized(made);
  const std::size_t lanes = static_cast<std::size_t>(layer.row_blocks) * LANES;
  Aligned<std::int64_t> slopes(sets * lanes), bases(sets * lanes);
  for (std::size_t set = 0; set < sets; set++) {
    const std::int64_t reach = layer.columns() * layer.weight_gain_sum() * layer.gain_sum(static_cast<int>(set));
    require(reach < MOST_SUM, "rescale: sums leave 32 bits");
    std::int64_t low = std::numeric_limits<std::int64_t>::max(), high = std::numeric_limits<std::int64_t>::min();
    for (std::size_t row = 0; row < rows; row++) {
      const std::int64_t a = scale.data[set * rows + row], b = bias.data[set * rows + row];
      require(within(a, MOST_SCALE) && within(b, MOST_SCORE), "rescale: no such constant");
      slopes[set * lanes + row] = 2 * a;  // of A instead of 2 A - R
      bases[set * lanes + row] = b - a * reach;
      low = std::min(low, (b - std::abs(a) * reach) >> shift);
      high = std::max(high, (b + std::abs(a) * reach) >> shift);
    }
    made.low.push_back(low);
    made.high.push_back(high);
  }
  bounded(made);
  layer.slopes = std::move(slopes), layer.bases = std::move(bases), layer.down = shift;
  const int number = static_cast<int>(network_.values.size());
  for (Step& step : network_.steps) {
    if (step.target == source) step.target = number;  // the layer makes features at once
  }
  network_.values.push_back(std::move(made));
  return number;
}

int Builder::encode(int source, int levels, int shift, const View<std::int64_t>& thresholds,
                    const View<std::int64_t>& steps) {
  const Value read = value(source);
  require(read.kind == Value::FEATURES, "encode: reads no features");
  require(network_.scores == 0, "step: stands behind the scores");
  Layer layer{};
  layer.height = layer.out_height = read.height, layer.width = layer.out_width = read.width;
  layer.channels = layer.rows = read.channels;
  layer.row_blocks = (layer.rows + LANES - 1) / LANES;
  for (std::size_t set = 0; set < read.low.size(); set++) {
    layer.farthest = std::max({layer.farthest, std::abs(read.low[set]), std::abs(read.high[set])});
  }
  encoder(layer, levels, shift, thresholds, steps);
  Value made{Value::CODES, read.height, read.width, read.channels, levels, 0, {}, {}};
  sized(made);
  Step step{Step::ENCODE, {source}, 0, static_cast<int>(network_.layers.size()), {}, {}};
  network_.layers.push_back(std::move(layer));
  return put(std::move(step), std::move(made));
}

int Builder::two_slope(int source, const View<std::int64_t>& constants, int shift) {
  Value made = value(source);
  require(made.kind == Value::FEATURES, "two slopes: reads no features");
  const std::size_t channels = static_cast<std::size_t>(made.channels), lanes = static_cast<std::size_t>(made.lanes());
  shaped(constants, {3, channels}, "two slopes: constants of another shape");
  require(shift >= 0 && shift <= MOST_SLOPE_DOWN, "two slopes: shift must be 0 to 15");
  Step step{Step::TWO_SLOPE, {source}, 0, 0, {}, {shift}};
  step.constants.resize(3 * lanes);
  step.narrow = true;
  for (std::size_t set = 0; set < made.low.size(); set++) {
    std::int64_t low = std::numeric_limits<std::int64_t>::max(), high = std::numeric_limits<std::int64_t>::min();
    for (std::size_t channel = 0; channel < channels; channel++) {
      const std::int64_t slope = constants.data[channel], before = constants.data[channels + channel],
                         after = constants.data[2 * channels + channel];
      require(within(slope, MOST_SLOPE) && within(before, MOST_SHIFTED) && within(after, MOST_SHIFTED),
              "two slopes: no such constant");
      step.constants[channel] = static_cast<std::int32_t>(slope);
      step.constants[lanes + channel] = static_cast<std::int32_t>(before);
      step.constants[2 * lanes + channel] = static_cast<std::int32_t>(after);
      const std::int64_t least = made.low[set] + before, most = made.high[set] + before;
      for (const std::int64_t y :
           {least, most, std::clamp<std::int64_t>(-1, least, most), std::clamp<std::int64_t>(0, least, most)}) {
        const std::int64_t bent = two_slope_of(y, slope, after, shift);
        low = std::min(low, bent), high = std::max(high, bent);
        step.narrow = step.narrow && std::abs(y) * std::max<std::int64_t>(std::abs(slope), 1) < MOST_NARROW;
      }
    }
    made.low[set] = low, made.high[set] = high;
  }
  bounded(made);
  return put(std::move(step), std::move(made));
}

int Builder::pool(int source, const Window& window, int out_height, int out_width) {
  const Value& read = value(source);
  require(read.kind == Value::FEATURES || (read.kind == Value::CODES && read.planes <= MAX_PLANES),
          "pool: needs codes or features in front");
  return windowed(Step::POOL, source, window, out_height, out_width);
}

int Builder::sum_pool(int source, const Window& window, int out_height, int out_width) {
  require(value(source).kind == Value::FEATURES, "sum pool: reads no features");
  require(window.top == 0 && window.left == 0, "sum pool: is not padded");
  return windowed(Step::SUM_POOL, source, window, out_height, out_width);
}

int Builder::windowed(Step::Kind kind, int source, const Window& window, int out_height, int out_width) {
  Value made = value(source);
  fits(window, made.height, made.width, out_height, out_width, "pool");
  const bool inside = (out_height - 1) * window.stride_h + window.kernel_h <= made.height &&
                      (out_width - 1) * window.stride_w + window.kernel_w <= made.width;
  require(kind == Step::POOL || inside, "sum pool: is not padded");
  made.height = out_height, made.width = out_width;
  const std::int64_t area = kind == Step::SUM_POOL ? std::int64_t{window.kernel_h} * window.kernel_w : 1;
  for (std::int64_t& end : made.low) end *= area;
  for (std::int64_t& end : made.high) end *= area;
  bounded(made);
  return put(Step{kind, {source}, 0, 0, window, {}}, std::move(made));
}

int Builder::add(const std::vector<int>& sources, const std::vector<int>& shifts) {
  require(sources.size() >= 2 && sources.size() <= MOST_SOURCES, "add: takes 2 to 4096 values");
  require(shifts.size() == sources.size(), "add: needs a shift for each value");
  Value made = value(sources[0]);
  std::fill(made.low.begin(), made.low.end(), 0);
  std::fill(made.high.begin(), made.high.end(), 0);
  for (std::size_t i = 0; i < sources.size(); i++) {
    const Value& read = value(sources[i]);
    require(read.kind == Value::FEATURES && shifts[i] >= 0 && shifts[i] < 32,
            "add: takes features, shifted by 0 to 31");
    require(read.height == made.height && read.width == made.width && read.channels == made.channels,
            "add: values of several shapes");
    for (std::size_t set = 0; set < made.low.size(); set++) {
      const std::int64_t unit = std::int64_t{1} << shifts[i];
      require(within(read.low[set] * unit, MOST_CONSTANT) && within(read.high[set] * unit, MOST_CONSTANT),
              "features: leave 32 bits");
      made.low[set] += read.low[set] * unit;
      made.high[set] += read.high[set] * unit;
    }
  }
  bounded(made);
  return put(Step{Step::ADD, sources, 0, 0, {}, shifts}, std::move(made));
}

int Builder::join(const std::vector<int>& sources) {
  require(sources.size() >= 2 && sources.size() <= MOST_SOURCES, "join: takes 2 to 4096 values");
  Value made = value(sources[0]);
  require(made.kind == Value::FEATURES || made.kind == Value::CODES, "join: takes codes or features");
  made.channels = 0;
  for (const int source : sources) {
    const Value& read = value(source);
    require(read.kind == made.kind && read.planes == made.planes, "join: values of several kinds");
    require(read.height == made.height && read.width == made.width, "join: values of several shapes");
    made.channels += read.channels;
    sized(made);
    for (std::size_t set = 0; set < made.low.size(); set++) {
      made.low[set] = std::min(made.low[set], read.low[set]);
      made.high[set] = std::max(made.high[set], read.high[set]);
    }
  }
  return put(Step{Step::JOIN, sources, 0, 0, {}, {}}, std::move(made));
}

int Builder::stack(const std::vector<int>& sources) {
  require(sources.size() >= 2 && sources.size() <= MOST_SOURCES, "stack: takes 2 to 4096 values");
  Value made = value(sources[0]);
  made.planes = 0;
  for (const int source : sources) {
    const Value& read = value(source);
    require(read.kind == Value::CODES, "stack: takes codes");
    require(read.height == made.height && read.width == made.width && read.channels == made.channels,
            "stack: values of several shapes");
    made.planes += read.planes;
    require(made.planes <= MOST_STACKED, "stack: too many planes");
  }
  sized(made);
  return put(Step{Step::STACK, sources, 0, 0, {}, {}}, std::move(made));
}

int Builder::upsample(int source, int rows, int columns) {
  Value made = value(source);
  require(made.kind == Value::FEATURES || made.kind == Value::CODES, "upsample: takes codes or features");
  require(rows >= 1 && columns >= 1 && rows <= MOST_SIZE / made.height && columns <= MOST_SIZE / made.width,
          "upsample: makes no such map");
  made.height *= rows, made.width *= columns;
  sized(made);
  return put(Step{Step::UPSAMPLE, {source}, 0, 0, {rows, columns, 1, 1, 0, 0}, {}}, std::move(made));
}

int Builder::depth_to_space(int source, int block) {
  Value made = value(source);
  require(made.kind == Value::FEATURES || made.kind == Value::CODES, "depth to space: takes codes or features");
  require(block >= 1 && block <= MOST_SIZE / made.height && block <= MOST_SIZE / made.width,
          "depth to space: makes no such map");
  require(made.channels % (block * block) == 0, "depth to space: channels are no multiple of the block's area");
  made.height *= block, made.width *= block, made.channels /= block * block;
  sized(made);
  return put(Step{Step::DEPTH_TO_SPACE, {source}, 0, 0, {block, block, 1, 1, 0, 0}, {}}, std::move(made));
}

bool is_chain(const Network& network) {
  int before = 0;
  for (std::size_t index = 0; index < network.steps.size(); index++) {
    const Step& step = network.steps[index];
    const bool pool = step.kind == Step::POOL && index > 0 && network.steps[index - 1].kind == Step::LAYER;
    const bool layer = step.kind == Step::LAYER && network.layers[static_cast<std::size_t>(step.layer)].slopes.empty();
    if ((!pool && !layer) || step.sources[0] != before) return false;
    before = step.target;
  }
  return true;
}

void fold_chain(Network& network) {
  Layer* layer = nullptr;
  for (const Step& step : network.steps) {
    if (step.kind == Step::LAYER) {
      layer = &network.layers[static_cast<std::size_t>(step.layer)];
      continue;
    }
    const Value& pooled = network.values[static_cast<std::size_t>(step.target)];
    layer->pool = step.window;
    layer->pooled_height = pooled.height, layer->pooled_width = pooled.width;
  }
  network.steps.clear();
  network.values.clear();
}

namespace {

// Codes get the padding above and on the left that a layer wants most, and as many lines and pixels as any reads.
void lay_out_codes(Network& network, int number) {
  Value& codes = network.values[static_cast<std::size_t>(number)];
  std::vector<const Layer*> readers;
  int top = 0, left = 0, height = 0, width = 0;
  for (const Step& step : network.steps) {
    if (step.kind != Step::LAYER || step.sources[0] != number) continue;
    readers.push_back(&network.layers[static_cast<std::size_t>(step.layer)]);
    top = std::max(top, readers.back()->window.top), left = std::max(left, readers.back()->window.left);
  }
  height = top + codes.height, width = left + codes.width;
  for (const Layer* layer : readers) {
    height = std::max(height, top - layer->window.top + layer->padded_height());
    width = std::max(width, left - layer->window.left + layer->padded_width());
  }
  codes.pixel = codes.planes * codes.words();
  require(
      std::int64_t{height} * width < MOST_PLACES / 8 && std::int64_t{height} * width * codes.pixel < MOST_PLACES / 8,
      "network: a map with its padding is too large");
  codes.line = width * codes.pixel;
  codes.origin = top * codes.line + left * codes.pixel;
  codes.size = static_cast<std::size_t>(height) * static_cast<std::size_t>(codes.line);
}

// The last step that reads each value, or the one that makes it.
std::vector<std::size_t> last_uses(const Network& network) {
  std::vector<std::size_t> last(network.values.size(), 0);
  for (std::size_t index = 0; index < network.steps.size(); index++) {
    last[static_cast<std::size_t>(network.steps[index].target)] = index;
    for (const int source : network.steps[index].sources) last[static_cast<std::size_t>(source)] = index;
  }
  return last;
}

bool by_lines(const Step& step) {
  return step.kind == Step::ADD || step.kind == Step::ENCODE || step.kind == Step::TWO_SLOPE;
}

// Numbers of a line of the features that a step reads and makes; 0 of codes.
int line_of(const Network& network, const Step& step) {
  const int number = step.kind == Step::LAYER ? step.target : step.sources[0];
  const Value& value = network.values[static_cast<std::size_t>(number)];
  return value.kind == Value::FEATURES ? value.line : 0;
}

// Steps that only need a line of what was made before run as soon as it is there, while it is in the cache. A feature
// may stand where another one stood that ended within the run: so all of them have lines of one length.
void run_together(Network& network) {
  std::vector<Step>& steps = network.steps;
  for (std::size_t first = 0; first < steps.size(); first += 1 + static_cast<std::size_t>(steps[first].behind)) {
    const Value& made = network.values[static_cast<std::size_t>(steps[first].target)];
    if (steps[first].kind != Step::LAYER && !by_lines(steps[first])) continue;
    const int length = line_of(network, steps[first]);
    for (std::size_t next = first + 1; next < steps.size() && by_lines(steps[next]); next++) {
      const Value& target = network.values[static_cast<std::size_t>(steps[next].target)];
      if (target.height != made.height || line_of(network, steps[next]) != length) break;
      steps[first].behind++;
    }
  }
}

}  // namespace

void lay_out_values(Network& network) {
  const std::vector<std::size_t> last = last_uses(network);
  std::size_t maps = 0;
  std::vector<std::size_t>& sizes = network.feature_sizes;
  std::vector<bool> busy;
  for (std::size_t number = 0; number < network.values.size(); number++) {
    Value& value = network.values[number];
    if (value.kind == Value::CODES) {
      lay_out_codes(network, static_cast<int>(number));
      value.place = maps++;
    } else if (value.kind == Value::FEATURES) {
      value.pixel = value.lanes(), value.line = value.width * value.pixel;
      value.size = static_cast<std::size_t>(value.height) * static_cast<std::size_t>(value.line);
    }
  }
  for (std::size_t index = 0; index < network.steps.size(); index++) {
    const Step& step = network.steps[index];
    Value& made = network.values[static_cast<std::size_t>(step.target)];
    if (made.kind == Value::FEATURES) {
      made.place = static_cast<std::size_t>(std::find(busy.begin(), busy.end(), false) - busy.begin());
      if (made.place == busy.size()) busy.push_back(true), sizes.push_back(0);
      busy[made.place] = true;
      sizes[made.place] = std::max(sizes[made.place], made.size);
    }
    for (std::size_t number = 0; number < network.values.size(); number++) {
      const Value& value = network.values[number];
      const bool there = value.kind == Value::FEATURES && last[number] == index && value.place < busy.size();
      if (there) busy[value.place] = false;
    }
  }
  run_together(network);
}

}  // namespace rebnet
