// Builds a network layer by layer and refuses what does not fit, before any memory is touched by it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "network.hpp"

namespace rebnet {

// Throws std::invalid_argument with `what`.
void require(bool held, const char* what);

// An array of someone else's, in C order.
template <typename T>
struct View {
  const T* data = nullptr;
  std::vector<std::size_t> shape;
};

// Each call throws std::invalid_argument where the layer does not fit the one before.
class Builder {
 public:
  Builder(int height, int width, int channels, int bits, int sets);

  // `weights`: rows of packed bits, the first column in the highest bit; columns by kernel row, column, channel.
  void layer(int kernel_h, int kernel_w, int stride, int pad_top, int pad_left, int out_height, int out_width, int rows,
             int levels_out, int shift, const View<std::uint8_t>& weights, const View<std::int64_t>& gains,
             const View<std::int64_t>& thresholds, const View<std::int64_t>& steps);
  void pool(int kernel, int stride);
  void scores(const View<std::int64_t>& scale, const View<std::int64_t>& bias, const View<std::int64_t>& reach);

  const Network& finished() const;

 private:
  void constants(Layer& layer, const std::int64_t* thresholds, const std::int64_t* steps) const;

  Network network_;
  int height_, width_, channels_, planes_;
};

}  // namespace rebnet
