// The engine as a Python module. What comes from Python is checked here, before any memory is touched by it.
#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <optional>
#include <string>

#include "builder.hpp"
#include "engine.hpp"

namespace nb = nanobind;
using namespace nb::literals;

namespace {

using rebnet::Builder;
using rebnet::Engine;
using rebnet::Kernel;
using rebnet::Network;
using rebnet::require;
using rebnet::View;

template <typename T>
using Array = nb::ndarray<const T, nb::c_contig, nb::device::cpu>;

template <typename T>
View<T> view(const Array<T>& array) {
  View<T> seen{array.data(), {}};
  for (std::size_t axis = 0; axis < array.ndim(); axis++) seen.shape.push_back(array.shape(axis));
  return seen;
}

using Bytes = Array<std::uint8_t>;
using Numbers = Array<std::int64_t>;

int layer(Builder& builder, int source, int kernel_h, int kernel_w, int stride_h, int stride_w, int top, int left,
          int out_height, int out_width, int rows, int groups, int levels_out, int shift, const Bytes& weights,
          const Numbers& weight_gains, const Numbers& gains, const Numbers& thresholds, const Numbers& steps) {
  return builder.layer(source, {kernel_h, kernel_w, stride_h, stride_w, top, left}, out_height, out_width, rows, groups,
                       levels_out, shift, view(weights), view(weight_gains), view(gains), view(thresholds),
                       view(steps));
}

using Pool = int (Builder::*)(int, const rebnet::Window&, int, int);

template <Pool POOL>
int pool(Builder& builder, int source, int kernel_h, int kernel_w, int stride_h, int stride_w, int top, int left,
         int out_height, int out_width) {
  return (builder.*POOL)(source, {kernel_h, kernel_w, stride_h, stride_w, top, left}, out_height, out_width);
}

int rescale(Builder& builder, int source, const Numbers& scale, const Numbers& bias, int shift) {
  return builder.rescale(source, view(scale), view(bias), shift);
}

int encode(Builder& builder, int source, int levels, int shift, const Numbers& thresholds, const Numbers& steps) {
  return builder.encode(source, levels, shift, view(thresholds), view(steps));
}

int two_slope(Builder& builder, int source, const Numbers& constants, int shift) {
  return builder.two_slope(source, view(constants), shift);
}

void scores(Builder& builder, int source, const Numbers& scale, const Numbers& bias, const Numbers& reach) {
  builder.scores(source, view(scale), view(bias), view(reach));
}

using Images = nb::ndarray<const std::uint8_t, nb::ndim<2>, nb::device::cpu>;
using Sets = nb::ndarray<const std::int32_t, nb::ndim<1>, nb::c_contig, nb::device::cpu>;
using Scores = nb::ndarray<std::int64_t, nb::ndim<2>, nb::c_contig, nb::device::cpu>;

void run(Engine& engine, const Images& images, int set, const std::optional<Sets>& sets, const Scores& scores) {
  const Network& network = engine.network();
  const std::size_t count = images.shape(0);
  require(images.shape(1) == network.samples() && (images.stride(1) == 1 || network.samples() == 1),
          "run: images of another shape");
  require(scores.shape(0) == count && scores.shape(1) == static_cast<std::size_t>(network.scores),
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
  nb::set_leak_warnings(false);  // what a program still holds when the interpreter ends is its own affair
  m.doc() = "The integer network in C++; use rebnet.engine.packed or rebnet.load.";
  m.def("instruction_sets", &rebnet::instruction_sets);
  nb::class_<Builder>(m, "Builder")
      .def(nb::init<int, int, int, int, int>(), "height"_a, "width"_a, "channels"_a, "bits"_a, "sets"_a)
      .def("layer", &layer, "source"_a, "kernel_h"_a, "kernel_w"_a, "stride_h"_a, "stride_w"_a, "top"_a, "left"_a,
           "out_height"_a, "out_width"_a, "rows"_a, "groups"_a, "levels_out"_a, "shift"_a, "weights"_a,
           "weight_gains"_a, "gains"_a, "thresholds"_a, "steps"_a)
      .def("rescale", &rescale, "source"_a, "scale"_a, "bias"_a, "shift"_a)
      .def("scores", &scores, "source"_a, "scale"_a, "bias"_a, "reach"_a)
      .def("encode", &encode, "source"_a, "levels"_a, "shift"_a, "thresholds"_a, "steps"_a)
      .def("two_slope", &two_slope, "source"_a, "constants"_a, "shift"_a)
      .def("pool", &pool<&Builder::pool>, "source"_a, "kernel_h"_a, "kernel_w"_a, "stride_h"_a, "stride_w"_a, "top"_a,
           "left"_a, "out_height"_a, "out_width"_a)
      .def("sum_pool", &pool<&Builder::sum_pool>, "source"_a, "kernel_h"_a, "kernel_w"_a, "stride_h"_a, "stride_w"_a,
           "top"_a, "left"_a, "out_height"_a, "out_width"_a)
      .def("add", &Builder::add, "sources"_a, "shifts"_a)
      .def("join", &Builder::join, "sources"_a)
      .def("stack", &Builder::stack, "sources"_a)
      .def("upsample", &Builder::upsample, "source"_a, "rows"_a, "columns"_a)
      .def("depth_to_space", &Builder::depth_to_space, "source"_a, "block"_a);
  nb::class_<Engine>(m, "Engine")
      .def(
          "__init__",
          [](Engine* self, const Builder& builder, int threads, const std::string& instruction_set,
             const std::string& kernel) {
            require(threads > 0 && threads <= 1024, "engine: threads must be 1 to 1024");
            require(kernel.empty() || kernel == "planes" || kernel == "sums", "engine: no such kernel");
            const Kernel chosen = kernel.empty() ? Kernel::BEST : kernel == "sums" ? Kernel::SUMS : Kernel::PLANES;
            new (self) Engine(builder.finished(), threads, instruction_set, chosen);
          },
          "builder"_a, "threads"_a, "instruction_set"_a, "kernel"_a = "")
      .def_prop_ro("instruction_set", &Engine::instruction_set)
      .def_prop_ro("threads", &Engine::threads)
      .def_prop_ro("kernels", &Engine::kernels)
      .def("run", &run, "images"_a, "set"_a, "sets"_a.none(), "scores"_a);
}
