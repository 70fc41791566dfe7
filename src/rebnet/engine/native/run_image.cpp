// One image through the network. Compiled once per instruction set, each in its own namespace: REBNET_ISA.
#include <cstring>

#include "codes.hpp"
#include "features.hpp"
#include "groups.hpp"
#include "layers.hpp"
#include "network.hpp"
#include "pixels.hpp"

namespace rebnet::REBNET_ISA {

// Where the scores of an image go, those of a window together.
Target scores_of(const Layer& layer, std::int64_t* scores) {
  return {reinterpret_cast<Word*>(scores), layer.out_width * layer.rows, layer.rows};
}

// From layer `first` on, whose map stands in `space`; from the first, the image.
void run_from(const Network& network, Workspace& space, std::size_t first, const std::uint8_t* image, int set,
              std::int64_t* scores) {
  for (std::size_t index = first; index < network.layers.size(); index++) {
    const Layer& layer = network.layers[index];
    Target behind{}, target = scores_of(layer, scores);
    if (layer.levels_out) {
      const Layer& next = network.layers[index + 1];
      behind = target = Target{space.maps[index].data() + next.origin, next.line, next.pixel};
    }
    if (layer.pools()) {
      target = Target{space.unpooled.data(), layer.out_width * behind.pixel, behind.pixel};
      if (layer.out_words() * 64 != layer.row_blocks * LANES) {  // bytes that no block of rows writes
        std::memset(target.first, 0, static_cast<std::size_t>(layer.out_height) * target.line * sizeof(Word));
      }
    }
    const Finish finish(layer, set);
    if (layer.groups > 1 && layer.pixels) {
      run_group_pixels(layer, space.image.data(), image, target, finish);
    } else if (layer.groups > 1) {
      run_groups(layer, space.maps[index - 1].data(), space.groups.data(), set, target, finish);
    } else if (layer.pixels) {
      run_pixels(layer, space.image.data(), space.windows.data(), Places(space), image, set, target, finish);
    } else {
      run_codes(layer, space.maps[index - 1].data(), Places(space), set, target, finish);
    }
    if (layer.pools()) {
      const CodePool shape{layer.pool,       layer.pooled_height, layer.pooled_width,
                           layer.out_height, layer.out_width,     layer.out_words(),
                           layer.levels_out, target.line,         target.pixel};
      pool(shape, space.unpooled.data(), behind);
    }
  }
}

void run_image(const Network& network, Workspace& space, const std::uint8_t* image, int set, std::int64_t* scores) {
  run_from(network, space, 0, image, set, scores);
}

namespace {

// Everything that a step reads and makes.
class Steps {
 public:
  Steps(const Network& network, Workspace& space, const std::uint8_t* image, int set, std::int64_t* scores)
      : network_(network), space_(space), image_(image), set_(set), scores_(scores) {}

  // A step, and those behind it that run with it.
  void run(const Step& step) const {
    const auto behind = [&](int y) {
      for (int next = 1; next <= step.behind; next++) line(*(&step + next), y);
    };
    switch (step.kind) {
      case Step::LAYER:
        return run_layer(step, behind);
      case Step::ENCODE:
      case Step::TWO_SLOPE:
      case Step::ADD:
        for (int y = 0; y < value(step.target).height; y++) {
          line(step, y);
          behind(y);
        }
        return;
      case Step::POOL:
        return value(step.target).kind == Value::CODES ? pool_codes(step) : pool_features(step);
      case Step::SUM_POOL:
        return pool_features(step);
      case Step::JOIN:
        return value(step.target).kind == Value::CODES ? join_codes(step) : join_features(step);
      case Step::STACK:
        return stack(step);
      case Step::UPSAMPLE:
        return value(step.target).kind == Value::CODES ? upsample_codes(step) : upsample_features(step);
      case Step::DEPTH_TO_SPACE:
        return value(step.target).kind == Value::CODES ? spread_codes(step) : spread_features(step);
    }
  }

 private:
  const Value& value(int number) const { return network_.values[static_cast<std::size_t>(number)]; }
  const Layer& layer(const Step& step) const { return network_.layers[static_cast<std::size_t>(step.layer)]; }
  Word* codes(const Value& of) const { return space_.codes[of.place].data() + of.origin; }
  std::int32_t* features(const Value& of) const { return space_.features[of.place].data(); }

  // Where codes and features are written.
  Target target(const Value& of) const {
    if (of.kind == Value::CODES) return {codes(of), of.line, of.pixel};
    constexpr int numbers = sizeof(Word) / sizeof(std::int32_t);
    return {reinterpret_cast<Word*>(features(of)), of.line / numbers, of.pixel / numbers};
  }

  // A line of a step that reads nothing but the same line of others.
  void line(const Step& step, int y) const {
    if (step.kind == Step::ENCODE) return encode(step, y);
    if (step.kind == Step::ADD) return add(step, y);
    two_slope(step, y);
  }
  std::int32_t* line(const Value& of, int y) const { return features(of) + static_cast<std::ptrdiff_t>(y) * of.line; }

  template <typename Behind>
  void run_layer(const Step& step, Behind behind) const {
    const Layer& own = layer(step);
    const Value& made = value(step.target);
    const Target out = made.kind == Value::SUMS ? scores_of(own, scores_) : target(made);
    const Finish finish(own, set_);
    if (own.pixels) {
      std::uint8_t* map = space_.images[static_cast<std::size_t>(step.layer)].data();
      if (own.groups > 1) return run_group_pixels(own, map, image_, out, finish, behind);
      run_pixels(own, map, space_.windows.data(), Places(space_), image_, set_, out, finish, behind);
    } else {
      const Word* map = space_.codes[value(step.sources[0]).place].data() + own.first;
      if (own.groups > 1) return run_groups(own, map, space_.groups.data(), set_, out, finish, behind);
      if (own.gathered) gather(own, map, space_.gathered.data());
      run_codes(own, own.gathered ? space_.gathered.data() : map, Places(space_), set_, out, finish, behind);
    }
  }

  void encode(const Step& step, int y) const {
    const Value& source = value(step.sources[0]);
    const Target out = target(value(step.target));
    encode_line(layer(step), set_, source, line(source, y), out.first + static_cast<std::ptrdiff_t>(y) * out.line,
                out.pixel);
  }

  void two_slope(const Step& step, int y) const {
    const Value& source = value(step.sources[0]);
    (step.narrow ? bend<std::int32_t> : bend<std::int64_t>)(step, line(value(step.target), y), line(source, y),
                                                            source.pixel, source.width);
  }

  void pool_codes(const Step& step) const {
    const Value& source = value(step.sources[0]);
    const Value& result = value(step.target);
    const CodePool shape{step.window,    result.height, result.width, source.height, source.width,
                         source.words(), source.planes, source.line,  source.pixel};
    pool(shape, codes(source), target(result));
  }

  void pool_features(const Step& step) const {
    const Value& source = value(step.sources[0]);
    const Value& result = value(step.target);
    (step.kind == Step::POOL ? pool_windows<true> : pool_windows<false>)(step, source, features(source), result,
                                                                         features(result));
  }

  void add(const Step& step, int y) const {
    const Value& result = value(step.target);
    std::int32_t* sum = line(result, y);
    for (std::size_t i = 1; i < step.sources.size(); i++) {
      const std::int32_t* first = i == 1 ? line(value(step.sources[0]), y) : sum;
      add_shifted(sum, first, i == 1 ? step.shifts[0] : 0, line(value(step.sources[i]), y), step.shifts[i],
                  static_cast<std::size_t>(result.line));
    }
  }

  void join_features(const Step& step) const {
    const Value& result = value(step.target);
    int channel = 0;
    for (const int number : step.sources) {
      const Value& source = value(number);
      const std::int32_t* from = features(source);
      std::int32_t* to = features(result) + channel;
      channel += source.channels;
      const int filled = number == step.sources.back() ? result.pixel - channel : 0;
      for (int pixel = 0; pixel < source.height * source.width; pixel++, from += source.pixel, to += result.pixel) {
        copy_channels(to, from, source.channels, filled);
      }
    }
  }

  void join_codes(const Step& step) const {
    const Value& result = value(step.target);
    int channel = 0;
    for (const int number : step.sources) {
      const Value& source = value(number);
      for (int y = 0; y < source.height; y++) {
        const Word* from = codes(source) + static_cast<std::ptrdiff_t>(y) * source.line;
        Word* to = codes(result) + static_cast<std::ptrdiff_t>(y) * result.line;
        for (int part = 0; part < source.width * source.planes; part++, from += source.words(), to += result.words()) {
          append_bits(to, channel, result.words(), from, source.words());
        }
      }
      channel += source.channels;
    }
  }

  void stack(const Step& step) const {
    const Value& result = value(step.target);
    int plane = 0;
    for (const int number : step.sources) {
      const Value& source = value(number);
      for (int y = 0; y < source.height; y++) {
        const Word* from = codes(source) + static_cast<std::ptrdiff_t>(y) * source.line;
        Word* to = codes(result) + static_cast<std::ptrdiff_t>(y) * result.line + plane * result.words();
        for (int x = 0; x < source.width; x++, from += source.pixel, to += result.pixel) {
          std::memcpy(to, from, static_cast<std::size_t>(source.pixel) * sizeof(Word));
        }
      }
      plane += source.planes;
    }
  }

  void upsample_codes(const Step& step) const {
    repeat(step, codes(value(step.sources[0])), codes(value(step.target)));
  }
  void upsample_features(const Step& step) const {
    repeat(step, features(value(step.sources[0])), features(value(step.target)));
  }

  // Every pixel and every line, which may have padding around it, as often as the step says.
  template <typename T>
  void repeat(const Step& step, const T* from, T* to) const {
    const Value &source = value(step.sources[0]), &result = value(step.target);
    const std::size_t bytes = static_cast<std::size_t>(source.pixel) * sizeof(T);
    for (int y = 0; y < result.height; y++) {
      const T* pixel = from + static_cast<std::ptrdiff_t>(y / step.window.kernel_h) * source.line;
      T* out = to + static_cast<std::ptrdiff_t>(y) * result.line;
      for (int x = 0; x < source.width; x++, pixel += source.pixel) {
        for (int times = 0; times < step.window.kernel_w; times++, out += result.pixel) std::memcpy(out, pixel, bytes);
      }
    }
  }

  void spread_codes(const Step& step) const {
    const Value &source = value(step.sources[0]), &result = value(step.target);
    const Word* from = codes(source);
    Word* to = codes(result);
    const int words = source.words(), stride = step.window.kernel_h * step.window.kernel_w;
    spread(step, [&](std::ptrdiff_t read, std::ptrdiff_t written, int first) {
      for (int plane = 0; plane < source.planes; plane++) {
        take_bits(to + written + plane * result.words(), result.channels, from + read + plane * words, first, stride);
      }
    });
  }
  void spread_features(const Step& step) const {
    const Value &source = value(step.sources[0]), &result = value(step.target);
    const std::int32_t* from = features(source);
    std::int32_t* to = features(result);
    const int stride = step.window.kernel_h * step.window.kernel_w;
    spread(step, [&](std::ptrdiff_t read, std::ptrdiff_t written, int first) {
      std::fill(to + written + result.channels, to + written + result.pixel, 0);
      for (int channel = 0; channel < result.channels; channel++) {
        to[written + channel] = from[read + first + channel * stride];
      }
    });
  }

  // For every pixel that is made: where the one that it is part of stands, where it stands itself, and the first of its
  // channels there.
  template <typename Taken>
  void spread(const Step& step, Taken taken) const {
    const Value &source = value(step.sources[0]), &result = value(step.target);
    const int rows = step.window.kernel_h, columns = step.window.kernel_w;
    for (int y = 0; y < result.height; y++) {
      for (int x = 0; x < result.width; x++) {
        const auto place = [](int line, int pixel, const Value& of) {
          return static_cast<std::ptrdiff_t>(line) * of.line + static_cast<std::ptrdiff_t>(pixel) * of.pixel;
        };
        taken(place(y / rows, x / columns, source), place(y, x, result), y % rows * columns + x % columns);
      }
    }
  }

  const Network& network_;
  Workspace& space_;
  const std::uint8_t* image_;
  int set_;
  std::int64_t* scores_;
};

}  // namespace

void run_steps(const Network& network, Workspace& space, const std::uint8_t* image, int set, std::int64_t* scores) {
  const Steps steps(network, space, image, set, scores);
  for (std::size_t index = 0; index < network.steps.size(); index++) {
    const Step& step = network.steps[index];
    steps.run(step);
    index += static_cast<std::size_t>(step.behind);
  }
}

}  // namespace rebnet::REBNET_ISA
