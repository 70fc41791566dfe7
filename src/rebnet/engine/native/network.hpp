// A lowered network as the engine runs it: weights packed for eight rows at a time, constants per set of levels.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace rebnet {

using Word = std::uint64_t;

constexpr int LANES = 8;  // rows that are counted together, one to a 64-bit lane
constexpr int MAX_PLANES = 8;
constexpr int TILE_PIXELS = 32;  // windows that int8 matrix units compute together
constexpr std::int64_t UNREACHED = std::int64_t{1} << 50;  // a threshold that no accumulator reaches: of surplus rows

// What int8 matrix units need of a convolution: an activation is one byte, sum of gain * bit, a weight one byte, +1 or -1.
//
// With G the sum of the gains and n the row's weights of -1, A = (bytes x weights) + G n; thresholds have G n taken off.
struct Tiles {
  bool direct = false;       // windows are read where they stand, else gathered first
  std::vector<int> offsets;  // of every 64 bytes of a window, from its first
  int depth = 0;             // bytes of a window, a multiple of 64
  int pitch = 0;             // bytes of a pixel in front
  int out_pitch = 0;
  std::vector<std::int8_t> weights;      // [16 rows][64 bytes of the window][16 quads][row][4]
  std::vector<std::int32_t> thresholds;  // [set][row]
  std::vector<std::int32_t> steps;       // [set][level][row]
  std::vector<std::uint8_t> values;      // [set][code]: the byte of an outgoing code in the next layer's gains
};

// A layer with weights, and the max-pool of codes behind it, if any. A dense layer is one window over its whole map.
//
// A map is [height][width][plane][words], 64 channels to a word, surplus bits 0. Pixels are bytes, and a window's bits
// stand one behind the other, whatever its channels.
struct Layer {
  int height, width, channels;  // of the map in front
  int kernel_h, kernel_w, stride, pad_top, pad_left;
  int out_height, out_width;
  int rows, planes;
  bool pixels;
  int levels_out;  // 0: the last layer, which gives scores
  int pool_kernel, pool_stride, pooled_height, pooled_width;  // kernel 0: no pool

  int words;       // of a window's plane
  int row_blocks;  // of LANES rows
  std::vector<Word> weights;  // [row block][word][lane]

  // By set of levels. Surplus rows have the threshold UNREACHED.
  std::vector<std::int64_t> gains;       // [set][plane]
  std::vector<int> planes_used;          // [set]
  std::vector<std::int64_t> thresholds;  // [set][row block][lane]
  std::vector<std::int64_t> steps;       // [set][row block][level][lane]
  std::vector<std::int64_t> scale;       // [set][row]: score = scale * (2 A - reach) + bias
  std::vector<std::int64_t> bias;
  std::vector<std::int64_t> reach;       // [set]

  Tiles tiles;  // only where int8 matrix units run the layer

  int columns() const { return kernel_h * kernel_w * channels; }
  int channel_words() const { return (channels + 63) / 64; }
  int out_words() const { return (rows + 63) / 64; }
  std::size_t map_words() const {
    return static_cast<std::size_t>(out_height) * out_width * levels_out * out_words();
  }
};

struct Network {
  int height, width, channels, bits;
  int sets, classes;
  std::vector<Layer> layers;
  int tiled = 0;  // layers, from the first, that int8 matrix units run

  std::size_t samples() const { return static_cast<std::size_t>(height) * width * channels; }
};

// What one thread needs to run an image.
struct Workspace {
  explicit Workspace(const Network& network);

  std::vector<Word> maps[2];
  std::vector<Word> windows;
  std::vector<std::uint8_t> bytes[2];
  std::vector<std::uint8_t> columns;
};

// Integer scores of one image with the constants of `set`.
using RunImage = void (*)(const Network&, Workspace&, const std::uint8_t* image, int set, std::int64_t* scores);

constexpr int TILE = 4;  // windows that share a load of weights

namespace generic {
void run_image(const Network&, Workspace&, const std::uint8_t*, int, std::int64_t*);
}
namespace avx2 {
void run_image(const Network&, Workspace&, const std::uint8_t*, int, std::int64_t*);
}
namespace avx512 {
void run_image(const Network&, Workspace&, const std::uint8_t*, int, std::int64_t*);
void run_from(const Network&, Workspace&, std::size_t first, const std::uint8_t*, int, std::int64_t*);
}
namespace amx {
void prepare(Network&);  // the layers' tiles; before workspaces are made
void run_image(const Network&, Workspace&, const std::uint8_t*, int, std::int64_t*);
}
namespace neon {
void run_image(const Network&, Workspace&, const std::uint8_t*, int, std::int64_t*);
}

}  // namespace rebnet
