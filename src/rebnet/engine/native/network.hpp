// A lowered network as the engine runs it: weights packed for eight rows at a time, constants per set of levels.
#pragma once

#include <cstddef>
#include <cstdint>
#include <new>
#include <vector>

namespace rebnet {

using Word = std::uint64_t;

constexpr int LANES = 8;  // rows that are counted together, one to a 64-bit lane
constexpr int MAX_PLANES = 8;
constexpr int MOST_STACKED = 64;  // planes of a stack of codes
constexpr int LINE = 64;          // bytes of a cache line, of a vector, and of a row of a tile
// A threshold that no accumulator reaches, of surplus rows: neither it nor its lower 32 bits.
constexpr std::int64_t UNREACHED = std::int64_t{1} << 50;
constexpr int MOST_SHIFT = 12;

// What is taken off the sums of surplus rows: out of reach in 64 bits, and in the lowest 32 of them, then and after a
// shift.
constexpr std::int64_t never(int shift) { return UNREACHED + (1 << 30 >> shift); }

// An array that starts on a cache line, so that no vector of it lies on two.
template <typename T>
struct LineAllocator {
  using value_type = T;
  LineAllocator() = default;
  template <typename U>
  LineAllocator(const LineAllocator<U>&) {}
  T* allocate(std::size_t count) { return static_cast<T*>(::operator new(count * sizeof(T), std::align_val_t{LINE})); }
  void deallocate(T* place, std::size_t) { ::operator delete(place, std::align_val_t{LINE}); }
  template <typename U>
  bool operator==(const LineAllocator<U>&) const {
    return true;
  }
  template <typename U>
  bool operator!=(const LineAllocator<U>&) const {
    return false;
  }
};
template <typename T>
using Aligned = std::vector<T, LineAllocator<T>>;

// What int8 matrix units need of a convolution: an activation is one byte, sum of gain * bit, a weight one byte, +1 or
// -1.
//
// With G the sum of the gains and n the row's weights of -1, A = (bytes x weights) + G n; thresholds have G n taken
// off. The map in front has its padding around it, so every window is read where it stands: `steps` times 64 bytes, at
// `offsets` from its first. Windows are computed in blocks, which are consecutive pixels; those of a stride of 1 go on
// over the end of a line, and the windows that no pixel of the output wants are computed with the others and dropped.
// Rows come in groups of 64, four tiles of sixteen, dealt out so that narrowing four sums to bytes leaves them in
// order.
//
// A layer of a single window is computed for up to 32 images together, whose maps stand one behind the other.
struct Tiles {
  static constexpr int WINDOWS = 32, ROWS = 64;  // of a block and of a group
  struct Block {
    int source, count;  // first byte of the first window; windows
  };

  int pixel = 0, line = 0;    // bytes of a pixel and of a line of the map in front
  int origin = 0;             // byte of its first pixel that is not padding
  std::size_t map_bytes = 0;  // of the map in front, and what is read behind it
  int stride = 0, steps = 0;  // bytes from a window to the next; its parts of 64 bytes
  std::vector<int> offsets;   // [step]
  std::vector<Block> blocks;
  std::vector<int> places;  // [block][window]: byte of its output pixel in the map behind, or -1
  int out_pixel = 0, out_line = 0, out_origin = 0;

  int groups = 0;
  int together = 1;  // of an encoder of few channels: so many pixels share a group, whose rows are theirs one by one
  Aligned<std::int8_t> weights;         // [group][pair of tiles][step][tile of it][16 quads][16 rows][4]
  Aligned<std::int32_t> starts;         // [set][group][tile][row]: minus the threshold, rounded up
  Aligned<std::int32_t> rests;          // the same: what was rounded off, in units of 2^-shift
  Aligned<std::int32_t> encoder_steps;  // [set][group][level][tile][row]
  bool narrow = false;                  // the encoder's steps add up to less than 2^15: sums may saturate
  Aligned<std::int16_t> narrow_steps;   // the same, in the order of narrowed sums
  std::vector<std::uint8_t> values;     // [set][level]: what an outgoing bit weighs: its gain in the next layer

  // Where the sum of a row stands.
  static int place_of(int row) { return row / ROWS * ROWS + row % 16 / 4 * 16 + row % ROWS / 16 * 4 + row % 4; }
};

// Algorithm 1 on the sums of 32 rows at a time, in 32 bits or 16, as AVX2 encodes them.
//
// Row r of a block stands in half r / 8 % 2 of its numbers of 16 bits, at r % 8 + r / 16 * 8: there interleaving them
// gives numbers of 32 bits, and packing these again gives bytes in the order of the rows.
struct Encoding {
  static constexpr int ROWS = 32;

  int blocks = 0;                    // of rows; 0: sums or constants may leave 32 bits
  bool narrow = false;               // the encoder's steps add up to less than 2^15: sums may saturate
  Aligned<std::int32_t> starts;      // [set][block][place of 32 bits]: A without what is taken off, less the threshold
  Aligned<std::int32_t> rests;       // the same: what was rounded off, in units of 2^-shift
  Aligned<std::int32_t> steps;       // [set][block][level][place of 32 bits]
  Aligned<std::int16_t> half_steps;  // the same of 16 bits, where they are narrow
  // [set][block][place of 16 bits]: the most bits of a window that may differ where the code's bit is 1, of layers that
  // make one bit of one plane; -1: none.
  Aligned<std::int16_t> limits;
  Aligned<std::int8_t> weights;  // of pixels, +1 and -1: [block][quad][place of 32 bits][4]

  static int half_of(int row) { return row / 8 % 2; }
  static int place_of(int row) { return row % 8 + row / 16 * 8; }  // in its half
  static int place_16(int row) { return half_of(row) * 16 + place_of(row); }
  static int place_32(int row) {
    const int place = place_of(row);
    return (half_of(row) * 2 + place % 8 / 4) * 8 + place / 8 * 4 + place % 4;
  }
};

// Weights where a processor looks differences up: a byte holds four of a row, and 32 rows stand side by side.
struct Lookups {
  static constexpr int ROWS = Encoding::ROWS, BITS = 16;  // of a block; of a step

  int blocks = 0;                 // of rows; 0: the layer counts otherwise
  std::vector<int> steps;         // of every word of a window: those whose bits mean something
  std::size_t block_bytes = 0;    // of weights
  Aligned<std::uint8_t> weights;  // [block][nibble][place]
  int kept = 0, reach = 0;        // words of the lines under a line of windows that the next one reads too; of all

  // Where that is faster, four bits of all planes choose the table together, made for each four channels of a pixel:
  // sums of gains, each in two numbers of 5 bits, so that a byte holds SUMMED of them.
  static constexpr int SUM_BITS = 5, SUMMED = 8, ENTRY = 32;  // of a number; numbers; bytes of a table
  std::vector<char> sums;                                     // [set]: whether it is so
  int pixels = 0;                                             // of a line that windows reach

  // How many of four bits, the upper ones of `pair`, differ from four weights, its lower ones.
  static constexpr unsigned differing(unsigned pair) {
    const unsigned bits = (pair >> 4) ^ (pair & 15);
    return (bits & 1) + (bits >> 1 & 1) + (bits >> 2 & 1) + (bits >> 3);
  }
  // Where a row stands: the bytes of both halves take turns.
  static int place_of(int row) { return Encoding::place_of(row) * 2 + Encoding::half_of(row); }
};

// Places of an axis of a map, from the first up to the end.
struct Part {
  int first, end;
};

// A window that moves over a map with so many lines above and pixels left of it.
struct Window {
  int kernel_h = 0, kernel_w = 0, stride_h = 0, stride_w = 0, top = 0, left = 0;

  // What of the map lies in row or column `place` of windows.
  Part rows(int place, int height) const { return part(place * stride_h - top, kernel_h, height); }
  Part columns(int place, int width) const { return part(place * stride_w - left, kernel_w, width); }

 private:
  static Part part(int first, int kernel, int size) { return {std::max(first, 0), std::min(first + kernel, size)}; }
};

// A layer with weights, and the max-pool of codes behind it, if any. A dense layer is one window over its whole map.
//
// A map is [height][width][plane][words] with its padding around it, 64 channels to a word, surplus bits 0; of an
// image, [height][width][channel] bytes. Every window of a map is read where it stands; those of an image are copied
// first.
//
// An encoder of features is a layer without planes and without a window: the features are its sums.
struct Layer {
  int height, width, channels;  // of the map in front
  Window window;
  int out_height, out_width;
  int rows, planes;
  bool pixels;
  int levels_out;  // 0: a layer that gives scores or features
  Window pool;     // without a kernel: none
  int pooled_height, pooled_width;

  int groups = 1;         // of a convolution in groups: rows see the channels of their own, and have `words` of them
  int words;              // of a window's plane
  int row_blocks;         // of LANES rows
  Aligned<Word> weights;  // [weight plane][row block][word][lane]; those of pixels are only what `bytes` is made from
  std::vector<std::int64_t> weight_gains{1};  // of every plane of the weights

  // By set of levels. Surplus rows have the threshold UNREACHED.
  std::vector<std::int64_t> gains;   // [set][plane]
  std::vector<int> planes_used;      // [set]
  Aligned<std::int64_t> thresholds;  // [set][row block][lane]
  Aligned<std::int64_t> steps;       // [set][row block][level][lane]; of a tree [set][row block][number][lane]
  int row_steps = 0;                 // of a row
  bool tree = false;                 // the steps of a row depend on its code so far: 2 behind one bit, 4 behind two …
  int shift = 0;                     // thresholds and steps count units of 2^-shift accumulators
  std::vector<std::int64_t> scale;   // [set][row]: score = scale * (2 A - reach) + bias
  std::vector<std::int64_t> bias;
  std::vector<std::int64_t> reach;  // [set]
  Aligned<std::int64_t> slopes;     // [set][row block][lane]: feature = (slope * A + base) >> down; empty of scores
  Aligned<std::int64_t> bases;
  int down = 0;
  std::int64_t farthest = 0;  // of an encoder: what no feature that it reads is beyond

  // Of the map in front, in words, or in bytes where it is an image; from `lay_out`.
  int pixel = 0, line = 0, origin = 0;
  int first = 0;  // where the first window starts: not at 0 where another layer pads the same map more
  int plane_words = 0, across = 0;  // of a pixel's plane; from a window to the next
  // Few channels leave most of a word empty. Then the kernel's pixels of a line are put together, bit by bit, for every
  // window, and the map whose layout stands here is of those.
  bool gathered = false;
  int source_line = 0;  // of the map that they are taken from
  std::size_t map_size = 0;
  std::vector<int> offsets;    // of every word of a window's plane, from its first
  Aligned<std::int8_t> bytes;  // weights of pixels, +1 and -1, plane by plane: [block of 16 rows][quad][16 rows][4]; in
                               // groups [row][column]
  Aligned<std::uint8_t> group_bits;  // weights of a depthwise layer: [place][row block], a bit a row
  Aligned<std::int64_t> starts;  // [set][row block][lane]: A without what differs, or without bytes, less the threshold
                                 // rounded up
  Aligned<std::int64_t> rests;   // the same: what was rounded off, in units of 2^-shift

  Tiles tiles;  // only where int8 matrix units run the layer
  Lookups lookups;
  Encoding encoding;  // only where AVX2 runs the layer

  bool sums_planes(int set) const { return !lookups.sums.empty() && lookups.sums[static_cast<std::size_t>(set)]; }
  bool encodes() const { return window.kernel_h == 0; }
  bool pools() const { return pool.kernel_h > 0; }
  bool halves() const;  // whether the pool is of 2 x 2, and of the map alone
  bool whole() const {  // whether a window is the whole map
    return window.kernel_h == height && window.kernel_w == width && window.top == 0 && window.left == 0 &&
           groups == 1 && out_height * out_width == 1;
  }
  int columns() const { return window.kernel_h * window.kernel_w * channels / groups; }
  bool depthwise() const { return groups > 1 && groups == channels && groups == rows; }
  std::size_t group_words() const {  // that the bits of a window take, group by group
    return groups == 1 || pixels || depthwise() ? 0 : static_cast<std::size_t>(planes) * groups * words;
  }
  int quads() const { return (columns() + 3) / 4; }
  int channel_words() const { return (channels + 63) / 64; }
  int out_words() const { return (rows + 63) / 64; }
  int padded_width() const;  // of the map in front, as far as windows reach
  int padded_height() const;
  int weight_planes() const { return static_cast<int>(weight_gains.size()); }
  std::int64_t weight_gain_sum() const;
  std::int64_t gain_sum(int set) const;
  std::int64_t negatives(int row) const;           // weights of -1, of several planes what they count
  std::int64_t threshold(int set, int row) const;  // in whole accumulators, rounded up; 0 of scores
  std::int64_t rest(int set, int row) const;       // what was rounded off, in units of 2^-shift
  // Whether sums, thresholds and steps stay in 32 bits, on their way through Algorithm 1 too.
  bool fits_32_bits(int sets) const;
  // Whether the weight of this bit of a window is +1.
  int positive(int row, std::size_t place, int plane = 0) const {
    const std::size_t block = static_cast<std::size_t>(plane * row_blocks + row / LANES) * words + place / 64;
    return weights[block * LANES + row % LANES] >> place % 64 & 1;
  }
  std::int64_t score(int set, int row, std::int64_t a) const;
};

// What a step gives. Codes are a map as above, with all the padding that any layer wants that reads it. Features are
// numbers of 32 bits, [height][width][channel], channels filled up with zeros to whole blocks of LANES.
struct Value {
  enum Kind { PIXELS, CODES, SUMS, FEATURES };

  Kind kind;
  int height, width, channels, planes;  // planes of codes and pixels alone
  int layer;                            // of sums: which layer's
  std::vector<std::int64_t> low, high;  // [set]: bounds of features

  int pixel = 0, line = 0, origin = 0;  // of codes, in words; of features, in numbers
  std::size_t size = 0;
  std::size_t place = 0;  // its buffer in a workspace, among those of its kind

  int words() const { return (channels + 63) / 64; }
  int lanes() const { return (channels + LANES - 1) / LANES * LANES; }
};

// What two slopes give of y, which is moved before already: floor((slope y + 2^(shift-1)) / 2^shift) below 0.
template <typename T>
static T two_slope_of(T y, T slope, T after, int shift) {
  return (y < 0 ? (slope * y + ((T{1} << shift) >> 1)) >> shift : y) + after;
}

// What makes a value of others: by numbers of values, of which the image is 0.
struct Step {
  enum Kind { LAYER, ENCODE, TWO_SLOPE, POOL, SUM_POOL, ADD, JOIN, STACK, UPSAMPLE, DEPTH_TO_SPACE };

  Kind kind;
  std::vector<int> sources;
  int target;
  int layer = 0;                      // of LAYER and ENCODE
  Window window;                      // of pools; of what moves maps, its kernel: rows and pixels of one
  std::vector<int> shifts;            // of ADD, one to a source; of TWO_SLOPE, that of its slopes
  Aligned<std::int32_t> constants{};  // of TWO_SLOPE: [slope, before, after][row block][lane]
  bool narrow = false;                // of TWO_SLOPE: nothing on the way leaves 32 bits
  int behind = 0;                     // steps behind it that run with it, line by line
};

// How layers of codes are looked up: plane by plane, or by sums of all planes; wherever it can be, or where it is best.
enum class Kernel { BEST, PLANES, SUMS };

// A chain has layers alone. A network with branches has steps and values too, and its layers no pools.
struct Network {
  int height, width, channels, bits;
  int sets, scores;  // of an image
  std::vector<Layer> layers;
  std::vector<Step> steps;
  std::vector<Value> values;
  std::vector<std::size_t> feature_sizes;  // of the buffers that features take turns in
  int tiled = 0;                           // layers, from the first, that int8 matrix units run
  int batched = 0;  // layers behind them that they run for many images together: all that are left, or none

  Kernel kernel = Kernel::BEST;

  std::size_t samples() const { return static_cast<std::size_t>(height) * width * channels; }
};

// What one thread needs to run an image. Padding is 0 and stays so.
struct Workspace {
  explicit Workspace(const Network& network);

  std::vector<Aligned<Word>> maps;  // in front of every layer but the first
  Aligned<Word> unpooled;
  Aligned<std::uint8_t> image, windows;  // with its padding; of a line of the first layer's output
  Aligned<std::uint8_t> nibbles;         // of the lines under a line of windows, a byte each
  Aligned<std::uint8_t> tables;          // the same: the sums of each
  std::vector<int> places;               // of every word of a window's pixels among them

  std::vector<Aligned<std::uint8_t>> bytes;  // the map in front of every tiled layer, and that behind the last
  Aligned<std::uint8_t> unpooled_bytes;
  std::vector<Aligned<std::uint8_t>> batches;  // the maps in front of every batched layer
  Aligned<std::uint8_t> sums;                  // of the last one

  // Of a network with branches. Codes keep their buffers, whose padding stays 0.
  std::vector<Aligned<std::uint8_t>> images;  // of every layer that reads pixels
  std::vector<Aligned<Word>> codes;
  Aligned<Word> gathered;  // in front of the layer that runs
  Aligned<Word> groups;    // the bits of a window, group by group
  std::vector<Aligned<std::int32_t>> features;

 private:
  void chain(const Network& network);
  void branches(const Network& network);
};

// Pixels with as many bits as are used.
void copy_pixels(std::uint8_t* target, const std::uint8_t* pixels, std::size_t count, int bits);

// Integer scores of one image with the constants of `set`: of a chain, and of a network with branches (run_steps).
using RunImage = void (*)(const Network&, Workspace&, const std::uint8_t* image, int set, std::int64_t* scores);

void lay_out(Network&);           // what all instruction sets need; before workspaces are made
void prepare_tiles(Network&);     // what amx::run_image needs; before workspaces are made
void prepare_encoding(Network&);  // what avx2 needs; before workspaces are made
void prepare_lookups(Network&);   // the same; before workspaces are made
void prepare_groups(Network&);    // what avx512::run_image needs of the tiles, behind the former

namespace generic {
void run_image(const Network&, Workspace&, const std::uint8_t*, int, std::int64_t*);
void run_steps(const Network&, Workspace&, const std::uint8_t*, int, std::int64_t*);
}  // namespace generic
namespace avx2 {
void run_image(const Network&, Workspace&, const std::uint8_t*, int, std::int64_t*);
void run_steps(const Network&, Workspace&, const std::uint8_t*, int, std::int64_t*);
}  // namespace avx2
namespace avx512 {
void run_image(const Network&, Workspace&, const std::uint8_t*, int, std::int64_t*);
void run_steps(const Network&, Workspace&, const std::uint8_t*, int, std::int64_t*);
void run_from(const Network&, Workspace&, std::size_t first, const std::uint8_t*, int, std::int64_t*);
}  // namespace avx512
namespace amx {
void run_image(const Network&, Workspace&, const std::uint8_t*, int, std::int64_t*);
// As many as Tiles::WINDOWS images, `stride` apart; for networks with batched layers.
void run_batch(const Network&, Workspace&, const std::uint8_t* images, std::ptrdiff_t stride, int count, int set,
               std::int64_t* scores);
}  // namespace amx
namespace neon {
void run_image(const Network&, Workspace&, const std::uint8_t*, int, std::int64_t*);
void run_steps(const Network&, Workspace&, const std::uint8_t*, int, std::int64_t*);
}  // namespace neon

}  // namespace rebnet
