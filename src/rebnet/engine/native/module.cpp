// The engine as a Python module. What comes from Python is checked here, before any memory is touched by it.
#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <optional>
#include <stdexcept>
#include <string>

#include "engine.hpp"

namespace nb = nanobind;
using namespace nb::literals;

namespace {

using rebnet::Engine;
using rebnet::LANES;
using rebnet::Layer;
using rebnet::Network;

template <typename T>
using Array = nb::ndarray<const T, nb::c_contig, nb::device::cpu>;

void require(bool held, const char* what) {
  if (!held) throw std::invalid_argument(what);
}

void shaped(std::size_t ndim, const std::size_t* shape, std::initializer_list<std::size_t> wanted, const char* what) {
  bool same = ndim == wanted.size();
  for (std::size_t axis = 0; same && axis < ndim; axis++) same = shape[axis] == wanted.begin()[axis];
  require(same, what);
}

template <typename T>
void shaped(const Array<T>& array, std::initializer_list<std::size_t> wanted, const char* what) {
  std::vector<std::size_t> shape(array.ndim());
  for (std::size_t axis = 0; axis < array.ndim(); axis++) shape[axis] = array.shape(axis);
  shaped(array.ndim(), shape.data(), wanted, what);
}

// Builds a network layer by layer; each must fit the one before.
class Builder {
 public:
  Builder(int height, int width, int channels, int bits, int sets) {
    const int most = 1 << 15;
    require(height > 0 && width > 0 && channels > 0 && height < most && width < most && channels < most,
            "image: sizes must be 1 to 32767");
    require(bits > 0 && bits <= 8, "image: bits must be 1 to 8");
    require(sets > 0 && sets <= rebnet::MAX_PLANES, "network: sets must be 1 to 8");
    network_ = Network{height, width, channels, bits, sets, 0, {}};
    height_ = height, width_ = width, channels_ = channels, planes_ = bits;
  }

  // `weights`: rows of packed bits, the first column in the highest bit; columns by kernel row, column, channel.
  void layer(int kernel_h, int kernel_w, int stride, int pad_top, int pad_left, int out_height, int out_width, int rows,
             int levels_out, Array<std::uint8_t> weights, Array<std::int64_t> gains, Array<std::int64_t> thresholds,
             Array<std::int64_t> steps) {
    require(network_.classes == 0, "layer: stands behind the last one");
    require(kernel_h > 0 && kernel_w > 0 && stride > 0 && pad_top >= 0 && pad_left >= 0 && pad_top < kernel_h &&
                pad_left < kernel_w,
            "layer: no such window");
    require(out_height > 0 && out_width > 0 && (out_height - 1) * stride - pad_top < height_ &&
                (out_width - 1) * stride - pad_left < width_,
            "layer: windows outside of the map");
    require(rows > 0 && rows < (1 << 24), "layer: no such number of rows");
    require(levels_out >= 0 && levels_out <= rebnet::MAX_PLANES, "layer: levels must be at most 8");
    require(levels_out > 0 || (out_height == 1 && out_width == 1), "layer: scores need a single window");
    Layer layer{};
    layer.height = height_, layer.width = width_, layer.channels = channels_;
    layer.kernel_h = kernel_h, layer.kernel_w = kernel_w, layer.stride = stride;
    layer.pad_top = pad_top, layer.pad_left = pad_left;
    layer.out_height = layer.pooled_height = out_height, layer.out_width = layer.pooled_width = out_width;
    layer.rows = rows, layer.planes = planes_, layer.pixels = network_.layers.empty();
    layer.levels_out = levels_out;
    const std::size_t columns = static_cast<std::size_t>(kernel_h) * kernel_w * channels_;
    require(columns < (1u << 24), "layer: too many columns");
    layer.words = static_cast<int>(layer.pixels ? (columns + 63) / 64 : columns / channels_ * layer.channel_words());
    layer.row_blocks = (rows + LANES - 1) / LANES;
    shaped(weights, {static_cast<std::size_t>(rows), (columns + 7) / 8}, "layer: weights of another shape");
    pack(layer, weights.data(), columns);

    const std::size_t sets = static_cast<std::size_t>(network_.sets);
    shaped(gains, {sets, static_cast<std::size_t>(planes_)}, "layer: gains of another shape");
    layer.gains.assign(gains.data(), gains.data() + gains.size());
    for (std::size_t set = 0; set < sets; set++) {
      int used = 1;
      for (int plane = 0; plane < planes_; plane++) {
        const std::int64_t gain = layer.gains[set * planes_ + plane];
        require(gain >= 0 && gain < (1 << 20), "layer: gains must be 0 to 2^20 - 1");
        require(!layer.pixels || gain == 1 << (planes_ - 1 - plane), "layer: gains of pixels must be powers of two");
        if (gain > 0) used = plane + 1;
      }
      layer.planes_used.push_back(used);
    }
    if (levels_out > 0) {
      shaped(thresholds, {sets, static_cast<std::size_t>(rows)}, "layer: thresholds of another shape");
      shaped(steps, {sets, static_cast<std::size_t>(rows), static_cast<std::size_t>(levels_out - 1)},
             "layer: steps of another shape");
      constants(layer, thresholds.data(), steps.data());
    }
    height_ = out_height, width_ = out_width, channels_ = rows, planes_ = levels_out;
    network_.layers.push_back(std::move(layer));
  }

  void pool(int kernel, int stride) {
    require(!network_.layers.empty() && network_.layers.back().levels_out > 0, "pool: needs codes in front");
    Layer& layer = network_.layers.back();
    require(layer.pool_kernel == 0, "pool: one behind a layer");
    require(kernel > 0 && stride > 0 && kernel <= height_ && kernel <= width_, "pool: no such window");
    layer.pool_kernel = kernel, layer.pool_stride = stride;
    height_ = layer.pooled_height = (height_ - kernel) / stride + 1;
    width_ = layer.pooled_width = (width_ - kernel) / stride + 1;
  }

  void scores(Array<std::int64_t> scale, Array<std::int64_t> bias, Array<std::int64_t> reach) {
    require(!network_.layers.empty() && network_.layers.back().levels_out == 0, "scores: need a last layer in front");
    require(network_.classes == 0, "scores: are there already");
    Layer& layer = network_.layers.back();
    const std::size_t sets = static_cast<std::size_t>(network_.sets), rows = static_cast<std::size_t>(layer.rows);
    shaped(scale, {sets, rows}, "scores: scale of another shape");
    shaped(bias, {sets, rows}, "scores: bias of another shape");
    shaped(reach, {sets}, "scores: reach of another shape");
    layer.scale.assign(scale.data(), scale.data() + scale.size());
    layer.bias.assign(bias.data(), bias.data() + bias.size());
    layer.reach.assign(reach.data(), reach.data() + reach.size());
    network_.classes = layer.rows;
  }

  const Network& finished() const {
    require(network_.classes > 0, "network: ends without scores");
    return network_;
  }

 private:
  static void pack(Layer& layer, const std::uint8_t* packed, std::size_t columns) {
    const std::size_t row_bytes = (columns + 7) / 8;
    const std::size_t channels = static_cast<std::size_t>(layer.channels);
    layer.weights.assign(static_cast<std::size_t>(layer.row_blocks) * layer.words * LANES, 0);
    for (std::size_t row = 0; row < static_cast<std::size_t>(layer.rows); row++) {
      rebnet::Word* block = layer.weights.data() + row / LANES * layer.words * LANES + row % LANES;
      for (std::size_t column = 0; column < columns; column++) {
        const rebnet::Word bit = packed[row * row_bytes + column / 8] >> (7 - column % 8) & 1;
        const std::size_t place =
            layer.pixels ? column : column / channels * layer.channel_words() * 64 + column % channels;
        block[place / 64 * LANES] |= bit << place % 64;
      }
    }
  }

  void constants(Layer& layer, const std::int64_t* thresholds, const std::int64_t* steps) const {
    const std::size_t rows = static_cast<std::size_t>(layer.rows), sets = static_cast<std::size_t>(network_.sets);
    const std::size_t lanes = static_cast<std::size_t>(layer.row_blocks) * LANES;
    const std::size_t levels = static_cast<std::size_t>(layer.levels_out - 1);
    layer.thresholds.assign(sets * lanes, rebnet::UNREACHED);
    layer.steps.assign(sets * lanes * levels, 0);
    for (std::size_t set = 0; set < sets; set++) {
      for (std::size_t row = 0; row < rows; row++) {
        layer.thresholds[set * lanes + row] = thresholds[set * rows + row];
        for (std::size_t level = 0; level < levels; level++) {
          const std::size_t block = (set * lanes + row) / LANES;
          layer.steps[(block * levels + level) * LANES + row % LANES] = steps[(set * rows + row) * levels + level];
        }
      }
    }
  }

  Network network_;
  int height_, width_, channels_, planes_;
};

using Images = nb::ndarray<const std::uint8_t, nb::ndim<2>, nb::device::cpu>;
using Sets = nb::ndarray<const std::int32_t, nb::ndim<1>, nb::c_contig, nb::device::cpu>;
using Scores = nb::ndarray<std::int64_t, nb::ndim<2>, nb::c_contig, nb::device::cpu>;

void run(Engine& engine, const Images& images, int set, const std::optional<Sets>& sets, const Scores& scores) {
  const Network& network = engine.network();
  const std::size_t count = images.shape(0);
  require(images.shape(1) == network.samples() && (images.stride(1) == 1 || network.samples() == 1),
          "run: images of another shape");
  require(scores.shape(0) == count && scores.shape(1) == static_cast<std::size_t>(network.classes),
          "run: scores of another shape");
  require(set >= 0 && set < network.sets, "run: no such set");
  const std::int32_t* own = nullptr;
  if (sets.has_value()) {
    require(sets->shape(0) == count, "run: one set per image");
    own = sets->data();
    for (std::size_t i = 0; i < count; i++) require(own[i] >= 0 && own[i] < network.sets, "run: no such set");
  }
  const nb::gil_scoped_release release;
  engine.run(images.data(), images.stride(0), count, set, own, scores.data());
}

}  // namespace

NB_MODULE(_native, m) {
  m.doc() = "The integer network in C++; use rebnet.engine.packed or rebnet.load.";
  m.def("instruction_sets", &rebnet::instruction_sets);
  nb::class_<Builder>(m, "Builder")
      .def(nb::init<int, int, int, int, int>(), "height"_a, "width"_a, "channels"_a, "bits"_a, "sets"_a)
      .def("layer", &Builder::layer, "kernel_h"_a, "kernel_w"_a, "stride"_a, "pad_top"_a, "pad_left"_a, "out_height"_a,
           "out_width"_a, "rows"_a, "levels_out"_a, "weights"_a, "gains"_a, "thresholds"_a, "steps"_a)
      .def("pool", &Builder::pool, "kernel"_a, "stride"_a)
      .def("scores", &Builder::scores, "scale"_a, "bias"_a, "reach"_a);
  nb::class_<Engine>(m, "Engine")
      .def("__init__",
           [](Engine* self, const Builder& builder, int threads, const std::string& instruction_set) {
             require(threads > 0 && threads <= 1024, "engine: threads must be 1 to 1024");
             new (self) Engine(builder.finished(), threads, instruction_set);
           },
           "builder"_a, "threads"_a, "instruction_set"_a)
      .def_prop_ro("instruction_set", &Engine::instruction_set)
      .def_prop_ro("threads", &Engine::threads)
      .def("run", &run, "images"_a, "set"_a, "sets"_a.none(), "scores"_a);
}
