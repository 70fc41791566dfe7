// Runs the engine without Python, for sanitizers and for other processors; tests/engine/test_driver.py calls it.
//
//   driver run FILE            every network on every instruction set here: scores must equal the file's
//   driver truncated FILE      every proper beginning of the file must be refused
//   driver forked FILE         the same in children that are forked while threads of the parent are at work
//   driver mutated FILE COUNT  COUNT copies of the file with random numbers changed: refused, or run without harm
//
// Prints counts; the exit status is 0 where all is as it must be.
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <fstream>
#include <iterator>
#include <memory>
#include <random>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "builder.hpp"
#include "engine.hpp"
#include "file.hpp"

namespace {

using rebnet::Builder;
using rebnet::Engine;
using rebnet::Network;

rebnet::Window window(const std::vector<int>& n) { return {n[1], n[2], n[3], n[4], n[5], n[6]}; }

void call(std::unique_ptr<Builder>& builder, const Record& record) {
  const std::vector<int>& n = record.numbers;
  if (record.kind == Record::NETWORK) {
    builder = std::make_unique<Builder>(n[0], n[1], n[2], n[3], n[4]);
    return;
  }
  if (!builder) throw Damaged("a call without a network");
  if (record.kind == Record::LAYER) {
    builder->layer(n[0], window(n), n[7], n[8], n[9], n[10], n[11], n[12], record.bytes(0), record.integers(1),
                   record.integers(2), record.integers(3), record.integers(4));
  } else if (record.kind == Record::POOL) {
    builder->pool(n[0], window(n), n[7], n[8]);
  } else if (record.kind == Record::SCORES) {
    builder->scores(n[0], record.integers(0), record.integers(1), record.integers(2));
  } else if (record.kind == Record::RESCALE) {
    builder->rescale(n[0], record.integers(0), record.integers(1), n[1]);
  } else if (record.kind == Record::ENCODE) {
    builder->encode(n[0], n[1], n[2], record.integers(0), record.integers(1));
  } else if (record.kind == Record::SUM_POOL) {
    builder->sum_pool(n[0], window(n), n[7], n[8]);
  } else if (record.kind == Record::ADD) {
    builder->add(record.list(0), record.list(1));
  } else if (record.kind == Record::JOIN) {
    builder->join(record.list(0));
  } else if (record.kind == Record::TWO_SLOPE) {
    builder->two_slope(n[0], record.integers(0), n[1]);
  } else if (record.kind == Record::UPSAMPLE) {
    builder->upsample(n[0], n[1], n[2]);
  } else if (record.kind == Record::DEPTH_TO_SPACE) {
    builder->depth_to_space(n[0], n[1]);
  } else if (record.kind == Record::STACK) {
    builder->stack(record.list(0));
  } else {
    throw Damaged("no call of Builder");
  }
}

// Images, `stride` bytes apart, the last of which ends where memory does.
class Images {
 public:
  Images(const std::uint8_t* images, std::size_t count, std::size_t samples, std::size_t stride) : stride_(stride) {
    if (count == 0) return;
    const std::size_t bytes = (count - 1) * stride + samples, unit = 16;  // what operator new aligns to
    memory_.resize((bytes + unit - 1) / unit * unit);
    first_ = memory_.data() + memory_.size() - bytes;
    for (std::size_t i = 0; i < count; i++) std::copy_n(images + i * samples, samples, first_ + i * stride);
  }
  Images(const Images&) = delete;
  Images& operator=(const Images&) = delete;

  const std::uint8_t* first() const { return first_; }
  std::ptrdiff_t stride() const { return static_cast<std::ptrdiff_t>(stride_); }

 private:
  std::vector<std::uint8_t> memory_;
  std::uint8_t* first_ = nullptr;
  std::size_t stride_;
};

struct Count {
  long networks = 0, scores = 0, different = 0;
};

// Images of one network and their scores, [set][image][class].
class Check {
 public:
  Check(const Network& network, const Record& record, Count& count)
      : network_(network),
        count_(count),
        images_(record.arrays[0].bytes.data()),
        scores_(record.arrays[1].numbers),
        most_(record.arrays[0].shape[0]),
        each_(static_cast<std::size_t>(network.scores)) {
    if (scores_.size() != static_cast<std::size_t>(network.sets) * most_ * each_) throw Damaged("too few scores");
    if (record.arrays[0].bytes.size() != most_ * network.samples()) throw Damaged("images of another size");
  }

  void run(const std::string& name, int threads) {
    Engine engine(network_, threads, name);
    all(engine);
    if (threads > 1) at_once(engine);
  }

  // Callers on three threads.
  void at_once(Engine& engine) {
    std::vector<Count> counts(3);
    std::vector<std::thread> callers;
    for (Count& count : counts) {
      callers.emplace_back([&] { Check(network_, images_, scores_, most_, count).mixed(engine); });
    }
    for (std::thread& caller : callers) caller.join();
    for (const Count& count : counts) {
      count_.scores += count.scores;
      count_.different += count.different;
    }
  }

  void all(Engine& engine) {
    const std::size_t samples = network_.samples();
    for (const std::size_t count : {std::size_t{0}, std::size_t{1}, std::size_t{7}, most_}) {
      const Images tight(images_, std::min(count, most_), samples, samples);
      for (int set = 0; set < network_.sets; set++) {
        compare(engine, tight.first(), tight.stride(), std::min(count, most_), set, nullptr, false);
      }
    }
    mixed(engine);
  }

  // Images at all alignments: of changing sets, and from the last to the first.
  void mixed(Engine& engine) {
    const std::size_t samples = network_.samples();
    std::vector<std::int32_t> sets(most_);
    for (std::size_t i = 0; i < most_; i++) sets[i] = static_cast<std::int32_t>(i) % network_.sets;
    const Images apart(images_, most_, samples, samples + 1);
    compare(engine, apart.first(), apart.stride(), most_, 0, sets.data(), false);
    const std::ptrdiff_t last = static_cast<std::ptrdiff_t>(most_ - 1) * apart.stride();
    compare(engine, apart.first() + last, -apart.stride(), most_, network_.sets - 1, nullptr, true);
  }

 private:
  Check(const Network& network, const std::uint8_t* images, const std::vector<std::int64_t>& scores, std::size_t most,
        Count& count)
      : network_(network),
        count_(count),
        images_(images),
        scores_(scores),
        most_(most),
        each_(static_cast<std::size_t>(network.scores)) {}

  void compare(Engine& engine, const std::uint8_t* images, std::ptrdiff_t stride, std::size_t count, int set,
               const std::int32_t* sets, bool backwards) {
    std::vector<std::int64_t> scores(count * each_, -1);
    engine.run(images, stride, count, set, sets, scores.data());
    for (std::size_t i = 0; i < count; i++) {
      const std::size_t image = backwards ? count - 1 - i : i;
      const std::size_t own = static_cast<std::size_t>(sets == nullptr ? set : sets[i]);
      const std::int64_t* wanted = scores_.data() + (own * most_ + image) * each_;
      for (std::size_t place = 0; place < each_; place++) {
        count_.scores++;
        count_.different += scores[i * each_ + place] != wanted[place];
      }
    }
  }

  const Network& network_;
  Count& count_;
  const std::uint8_t* images_;
  const std::vector<std::int64_t>& scores_;
  std::size_t most_, each_;
};

// Scores of the file in a child of this process, and in a child of that one; 0 where all are right.
int child(Engine& engine, const Network& network, const Record& record, int generations) {
  const pid_t forked = fork();
  if (forked < 0) throw std::runtime_error("no fork");
  if (forked > 0) {
    int status = -1;
    waitpid(forked, &status, 0);
    return status;
  }
  alarm(60);  // one that waits for a thread that is not there is ended
  Count count;
  Check(network, record, count).all(engine);
  _exit(count.different != 0 || count.scores == 0 ||
        (generations > 1 && child(engine, network, record, generations - 1) != 0));
}

int forked(const std::vector<std::uint8_t>& file) {
  constexpr int CHILDREN = 3, GENERATIONS = 2;
#if defined(__SANITIZE_ADDRESS__)
  constexpr bool ALONE = true;  // its allocator's locks do not outlive a fork: children wait for whoever had one
#else
  constexpr bool ALONE = false;
#endif
  long right = 0, wrong = 0;
  std::unique_ptr<Builder> builder;
  Reader reader(file.data(), file.size());
  for (Record record = reader.next(); record.kind != Record::END; record = reader.next()) {
    if (record.kind != Record::RUN) {
      call(builder, record);
      continue;
    }
    const Network network = builder->finished();
    for (const std::string& name : rebnet::instruction_sets()) {
      Engine engine(network, ALONE ? 1 : 3, name), unused(network, ALONE ? 1 : 2, name);
      Count count;
      Check(network, record, count).all(unused);
      std::atomic<bool> stop{false};
      std::thread busy;
      if (!ALONE) {
        busy = std::thread([&] {
          while (!stop) Check(network, record, count).all(engine);
        });
      }
      for (int i = 0; i < CHILDREN; i++) (child(engine, network, record, GENERATIONS) ? wrong : right)++;
      stop = true;
      if (!ALONE) busy.join();
      wrong += count.different;
    }
  }
  std::printf("children: %ld right, %ld wrong\n", right, wrong);
  return wrong == 0 && right > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

// Whether the call is refused with a message that holds `text`.
bool refuses(std::unique_ptr<Builder>& builder, const Record& record, const std::string& text) {
  try {
    call(builder, record);
    if (record.kind == Record::SCORES) builder->finished();
  } catch (const std::invalid_argument& refusal) {
    if (std::string(refusal.what()).find(text) != std::string::npos) return true;
    std::printf("refused with \"%s\" instead of \"%s\"\n", refusal.what(), text.c_str());
    return false;
  }
  std::printf("not refused: %s\n", text.c_str());
  return false;
}

int run(const std::vector<std::uint8_t>& file) {
  const std::vector<std::string> names = rebnet::instruction_sets();
  std::vector<Count> counts(names.size());
  long refused = 0, wrong = 0;
  std::unique_ptr<Builder> builder;
  Reader reader(file.data(), file.size());
  for (Record record = reader.next(); record.kind != Record::END; record = reader.next()) {
    if (record.kind == Record::REFUSED) {
      (refuses(builder, reader.next(), record.text()) ? refused : wrong)++;
    } else if (record.kind == Record::RUN) {
      if (!builder) throw Damaged("images without a network");
      for (std::size_t i = 0; i < names.size(); i++) {
        counts[i].networks++;
        for (const int threads : {1, 3}) Check(builder->finished(), record, counts[i]).run(names[i], threads);
      }
    } else {
      call(builder, record);
    }
  }
  for (std::size_t i = 0; i < names.size(); i++) {
    std::printf("%s: %ld networks, %ld scores, %ld different\n", names[i].c_str(), counts[i].networks, counts[i].scores,
                counts[i].different);
    wrong += counts[i].different;
  }
  std::printf("refused: %ld\n", refused);
  return wrong == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

// Reads all records and builds their networks.
void build(const std::uint8_t* data, std::size_t size, std::unique_ptr<Builder>& builder) {
  Reader reader(data, size);
  for (Record record = reader.next(); record.kind != Record::END; record = reader.next()) {
    if (record.kind != Record::RUN) call(builder, record);
  }
}

int truncated(const std::vector<std::uint8_t>& file) {
  for (std::size_t size = 0; size < file.size(); size++) {
    const std::vector<std::uint8_t> start(file.begin(), file.begin() + static_cast<std::ptrdiff_t>(size));
    std::unique_ptr<Builder> builder;
    try {
      build(start.data(), size, builder);
    } catch (const Damaged&) {
      continue;
    }
    std::printf("%zu of %zu bytes are accepted\n", size, file.size());
    return EXIT_FAILURE;
  }
  std::printf("refused: %zu\n", file.size());
  return EXIT_SUCCESS;
}

bool small(const Network& network) {
  constexpr std::size_t most = 1 << 20;
  if (network.samples() > most) return false;
  for (const rebnet::Step& step : network.steps) {
    const rebnet::Value& value = network.values[static_cast<std::size_t>(step.target)];
    const std::size_t places = std::max<std::size_t>(value.size, 1) * step.sources.size();
    if (places * static_cast<std::size_t>(std::max(1, step.window.kernel_h * step.window.kernel_w)) >= most)
      return false;
  }
  return std::all_of(network.layers.begin(), network.layers.end(), [](const rebnet::Layer& layer) {
    return static_cast<std::size_t>(layer.out_height) * layer.out_width * (layer.columns() + layer.rows) < most;
  });
}

int mutated(const std::vector<std::uint8_t>& file, int count) {
  long refused = 0, large = 0, run = 0;
  const std::vector<std::string> names = rebnet::instruction_sets();
  for (int seed = 0; seed < count; seed++) {
    std::mt19937_64 random(static_cast<std::uint64_t>(seed));
    std::vector<std::uint8_t> copy = file;
    for (std::uint64_t change = random() % 3 + 1; change; change--) {
      const std::uint64_t place = random() % (copy.size() / 8) * 8;
      std::int64_t value = 0;
      std::memcpy(&value, copy.data() + place, sizeof value);
      switch (random() % 4) {
        case 0:
          value = static_cast<std::int64_t>(static_cast<std::uint64_t>(value) + random() % 5 - 2);
          break;
        case 1:
          value = static_cast<std::int64_t>(random() % 70);
          break;
        case 2:
          value = static_cast<std::int64_t>(random() >> random() % 64);
          break;
        default:
          value = -static_cast<std::int64_t>(random() >> 1 >> random() % 63);
      }
      std::memcpy(copy.data() + place, &value, sizeof value);
    }
    std::unique_ptr<Builder> builder;
    try {
      build(copy.data(), copy.size(), builder);
      if (!builder) throw Damaged("no network");
      const Network network = builder->finished();
      if (!small(network)) {
        large++;
        continue;
      }
      const Images images(std::vector<std::uint8_t>(2 * network.samples(), 0xa5).data(), 2, network.samples(),
                          network.samples());
      for (int set = 0; set < network.sets; set++) {
        std::vector<std::int64_t> first;
        for (const std::string& name : names) {
          std::vector<std::int64_t> scores(2 * static_cast<std::size_t>(network.scores));
          Engine(network, 1, name).run(images.first(), images.stride(), 2, set, nullptr, scores.data());
          if (first.empty()) first = scores;
          if (scores != first) {
            std::printf("seed %d: %s and %s differ\n", seed, names[0].c_str(), name.c_str());
            return EXIT_FAILURE;
          }
        }
      }
      run++;
    } catch (const Damaged&) {
      refused++;
    } catch (const std::invalid_argument&) {
      refused++;
    }
  }
  std::printf("refused: %ld\nrun: %ld\ntoo large to run: %ld\n", refused, run, large);
  return EXIT_SUCCESS;
}

}  // namespace

int main(int count, char** words) {
  const std::string verb = count > 1 ? words[1] : "";
  std::ifstream stream(count > 2 ? words[2] : "", std::ios::binary);
  if (!stream || count != (verb == "mutated" ? 4 : 3)) {
    std::fprintf(stderr, "driver run FILE | forked FILE | truncated FILE | mutated FILE COUNT\n");
    return 2;
  }
  const std::vector<std::uint8_t> file{std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>()};
  try {
    if (verb == "truncated") return truncated(file);
    if (verb == "forked") return forked(file);
    return verb == "mutated" ? mutated(file, std::atoi(words[3])) : run(file);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return EXIT_FAILURE;
  }
}
