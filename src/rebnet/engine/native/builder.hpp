// Builds a network step by step and refuses what does not fit, before any memory is touched by it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "network.hpp"

namespace rebnet {

// Throws std::invalid_argument with `what`.
void require(bool held, const char* what);

// With these no sum of the engine leaves 64 bits, and no place in a map 31.
constexpr int MOST_SIZE = (1 << 15) - 1;
constexpr std::int64_t MOST_PLACES = std::int64_t{1} << 31;
constexpr std::int64_t MOST_CONSTANT = std::int64_t{1} << 40;  // of thresholds and steps; below UNREACHED
constexpr std::int64_t MOST_SCORE = std::int64_t{1} << 60;

inline bool within(std::int64_t value, std::int64_t most) { return value >= -most && value <= most; }

// An array of someone else's, in C order.
template <typename T>
struct View {
  const T* data = nullptr;
  std::vector<std::size_t> shape;
};

template <typename T>
void shaped(const View<T>& array, const std::vector<std::size_t>& wanted, const char* what) {
  require(array.shape == wanted, what);
}

template <typename T>
std::vector<T> copied(const View<T>& array) {
  std::size_t size = 1;
  for (const std::size_t extent : array.shape) size *= extent;
  return std::vector<T>(array.data, array.data + size);
}

// Steps read values by number: the image is 0, and every call that makes a value returns its number. Each call throws
// std::invalid_argument where a step cannot read what it is given.
class Builder {
 public:
  Builder(int height, int width, int channels, int bits, int sets);

  // `weights`: planes of rows of packed bits, the first column in the highest bit; columns by kernel row, column,
  // channel. Each plane counts `weight_gains`. In groups a row has the channels of its own, and one plane.
  // Without levels it gives sums, which a rescale or scores read.
  int layer(int source, const Window& window, int out_height, int out_width, int rows, int groups, int levels_out,
            int shift, const View<std::uint8_t>& weights, const View<std::int64_t>& weight_gains,
            const View<std::int64_t>& gains, const View<std::int64_t>& thresholds, const View<std::int64_t>& steps);
  int rescale(int source, const View<std::int64_t>& scale, const View<std::int64_t>& bias, int shift);
  void scores(int source, const View<std::int64_t>& scale, const View<std::int64_t>& bias,
              const View<std::int64_t>& reach);
  int encode(int source, int levels, int shift, const View<std::int64_t>& thresholds, const View<std::int64_t>& steps);
  // `constants`: slopes, and what is added before and after, of every channel.
  int two_slope(int source, const View<std::int64_t>& constants, int shift);
  int pool(int source, const Window& window, int out_height, int out_width);
  int sum_pool(int source, const Window& window, int out_height, int out_width);
  int add(const std::vector<int>& sources, const std::vector<int>& shifts);
  int join(const std::vector<int>& sources);
  int stack(const std::vector<int>& sources);
  int upsample(int source, int rows, int columns);
  int depth_to_space(int source, int block);

  // Without steps and values where it is a chain.
  Network finished() const;

 private:
  const Value& value(int number) const;
  int put(Step step, Value value);
  Layer& sums(int source);
  void fits(const Window& window, int height, int width, int out_height, int out_width, const char* what) const;
  int windowed(Step::Kind kind, int source, const Window& window, int out_height, int out_width);
  void encoder(Layer& layer, int levels, int shift, const View<std::int64_t>& thresholds,
               const View<std::int64_t>& steps) const;
  void constants(Layer& layer, const std::int64_t* thresholds, const std::int64_t* steps) const;

  Network network_;
};

// Whether every step reads what the one before gives, and layers and pools are all.
bool is_chain(const Network& network);
// The layers of a chain, with the pools behind them.
void fold_chain(Network& network);
// Where the values of a network with branches stand.
void lay_out_values(Network& network);

}  // namespace rebnet
