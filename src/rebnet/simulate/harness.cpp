// One harness for every accelerator: streams images in, scores out, and watches the channels.
//
// Reads images (bytes) and levels (one byte an image) from files and writes one record per image to the
// output file: the scores (int64 each), then the cycle of its final beat (uint64). Prints one JSON object a
// line: progress {"images": n}, then a summary, or {"error": ...} with exit status 3.
//
// With --serve 1 there are no files: until its standard input ends, it reads from there how many images (uint64), their
// levels and the images, and answers with the line {"batch": n} and the records behind it.

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <map>
#include <memory>
#include <ostream>
#include <sstream>
#include <string>
#include <vector>

#include "Vaccelerator.h"
#include "verilated.h"
#include "verilated_sym_props.h"
#include "verilated_syms.h"
#if defined(REBNET_TRACE_FST)
#include "verilated_fst_c.h"
#define REBNET_TRACE VerilatedFstC
#elif defined(REBNET_TRACE_VCD)
#include "verilated_vcd_c.h"
#define REBNET_TRACE VerilatedVcdC
#endif

namespace {

constexpr int SETTLED = 8;  // cycles after the reset: a line buffer reads nothing before it knows what comes first

using Bytes = std::vector<uint8_t>;

// Ports of any width, byte by byte.
template <typename Port>
void set_bytes(Port& port, const uint8_t* bytes, size_t count) {
  uint64_t value = 0;
  for (size_t i = 0; i < count; i++) value |= uint64_t(bytes[i]) << (8 * i);
  port = Port(value);
}
template <std::size_t Words>
void set_bytes(VlWide<Words>& port, const uint8_t* bytes, size_t count) {
  for (size_t w = 0; w < Words; w++) port[w] = 0;
  for (size_t i = 0; i < count; i++) port[i / 4] |= uint32_t(bytes[i]) << (8 * (i % 4));
}
template <typename Port>
uint8_t byte_of(const Port& port, size_t place) {
  return uint8_t(uint64_t(port) >> (8 * place));
}
template <std::size_t Words>
uint8_t byte_of(const VlWide<Words>& port, size_t place) {
  return uint8_t(port[place / 4] >> (8 * (place % 4)));
}
template <typename Port>
int64_t signed_value(const Port& port, size_t place, size_t bytes) {
  uint64_t value = 0;
  for (size_t i = 0; i < bytes; i++) value |= uint64_t(byte_of(port, place * bytes + i)) << (8 * i);
  const int shift = 64 - 8 * int(bytes);
  return int64_t(value << shift) >> shift;
}

// xorshift64*: stalls must be the same on every machine.
struct Random {
  uint64_t state;
  explicit Random(uint64_t seed) : state(seed * 0x9E3779B97F4A7C15ull + 0xD1B54A32D192ED03ull) {}
  uint32_t next() {
    state ^= state >> 12;
    state ^= state << 25;
    state ^= state >> 27;
    return uint32_t((state * 0x2545F4914F6CDD1Dull) >> 32);
  }
};

// A side of a stream that is sometimes not there: its mood changes, from never idle to mostly idle.
class Stalls {
 public:
  Stalls(bool on, uint64_t seed) : on_(on), random_(seed) {}
  bool go() {
    if (!on_) return true;
    if (left_-- == 0) {
      static const uint32_t moods[] = {256, 192, 128, 64, 12};
      mood_ = moods[random_.next() % 5];
      left_ = random_.next() % 200;
    }
    return random_.next() % 256 < mood_;
  }

 private:
  bool on_;
  Random random_;
  uint32_t mood_ = 256, left_ = 0;
};

// Fill levels of the FIFOs, found by name: every module that shows a count_q, and whose name begins with watch.
struct Channel {
  std::string name;
  const void* data;
  int bytes;
  uint64_t peak = 0;
  uint64_t count() const {
    switch (bytes) {
      case 1: return *static_cast<const uint8_t*>(data);
      case 2: return *static_cast<const uint16_t*>(data);
      default: return *static_cast<const uint32_t*>(data);
    }
  }
};

std::vector<Channel> find_channels(const std::string& watch) {
  std::vector<Channel> channels;
  for (const auto& entry : *Verilated::scopeNameMap()) {
    const VerilatedVar* var = entry.second->varFind("count_q");
    if (var == nullptr) continue;
    const int bytes = var->vltype() == VLVT_UINT8 ? 1 : var->vltype() == VLVT_UINT16 ? 2 : 4;
    std::string name = entry.first;
    const size_t first = name.find('.'), second = name.find('.', first + 1);  // drop TOP and the top module
    name = second == std::string::npos ? name : name.substr(second + 1);
    if (name.compare(0, watch.size(), watch) == 0) channels.push_back({name, var->datap(), bytes});
  }
  std::sort(channels.begin(), channels.end(), [](const Channel& a, const Channel& b) { return a.name < b.name; });
  return channels;
}

Bytes read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return Bytes(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
}

struct Options {
  std::map<std::string, std::string> values;
  Options(int argc, char** argv) {
    for (int i = 1; i + 1 < argc; i += 2) {
      if (argv[i][0] == '+') break;
      values[argv[i]] = argv[i + 1];
    }
  }
  std::string text(const char* name) const { return values.at(name); }
  bool has(const char* name) const { return values.count(name) != 0; }
  long number(const char* name) const { return std::atol(values.at(name).c_str()); }
};

// The next images of a host on standard input, and their levels; false where it has gone.
bool read_batch(size_t samples, Bytes& images, Bytes& levels) {
  uint64_t count = 0;
  if (std::fread(&count, sizeof count, 1, stdin) != 1) return false;
  levels.resize(count);
  images.resize(count * samples);
  return std::fread(levels.data(), 1, levels.size(), stdin) == levels.size() &&
         std::fread(images.data(), 1, images.size(), stdin) == images.size();
}

void print_channels(const std::vector<Channel>& channels, bool peaks) {
  std::printf("\"channels\": {");
  for (size_t i = 0; i < channels.size(); i++)
    std::printf("%s\"%s\": %llu", i ? ", " : "", channels[i].name.c_str(),
                (unsigned long long)(peaks ? channels[i].peak : channels[i].count()));
  std::printf("}");
}

}  // namespace

int main(int argc, char** argv) {
  const Options options(argc, argv);
  const bool serving = options.has("--serve");
  Bytes images, levels;
  if (!serving) {
    images = read_file(options.text("--images"));
    levels = read_file(options.text("--levels"));
  }
  const size_t samples = options.number("--samples"), per_beat = options.number("--per-beat");
  const size_t scores_per_beat = options.number("--scores-per-beat");  // divides the classes
  const size_t classes = options.number("--classes"), score_bytes = options.number("--score-bytes");
  const size_t max_levels = options.number("--max-levels");
  const uint64_t patience = options.number("--patience");
  const long seed = options.number("--stalls");  // -1: none
  const long sink_beats = options.number("--sink-beats");  // -1: no limit
  const size_t beats = (samples + per_beat - 1) / per_beat;
  if (images.size() != levels.size() * samples) {
    std::printf("{\"error\": \"size\"}\n");
    return 3;
  }

  const auto context = std::make_unique<VerilatedContext>();
  context->commandArgs(argc, argv);
  context->randReset(2);  // registers start at random: only the reset may give them a value
  context->randSeed(1 + (seed < 0 ? 0 : int(seed % 1000000)));
#ifdef REBNET_TRACE
  context->traceEverOn(true);
#endif
  const auto top = std::make_unique<Vaccelerator>(context.get());
#ifdef REBNET_TRACE
  REBNET_TRACE trace;
  top->trace(&trace, 99);
  trace.open(options.text("--trace").c_str());
  if (!trace.isOpen()) {
    std::printf("{\"error\": \"trace\"}\n");
    return 3;
  }
#endif
  uint64_t time = 0;
  const auto half_cycle = [&](int level) {
    top->aclk = level;
    top->eval();
#ifdef REBNET_TRACE
    trace.dump(time);
#endif
    time++;
  };

  top->s_axis_tvalid = 0;
  top->m_axis_tready = 0;
  top->aresetn = 0;
  for (int i = 0; i < 4 + SETTLED; i++) {
    if (i == 4) top->aresetn = 1;
    half_cycle(0);
    half_cycle(1);
  }
  std::vector<Channel> channels = find_channels(options.text("--watch"));

  std::ofstream file;
  std::ostringstream answers;
  if (!serving) file.open(options.text("--output"), std::ios::binary);
  std::ostream& output = serving ? static_cast<std::ostream&>(answers) : file;
  Stalls source(seed >= 0, uint64_t(seed) * 2 + 1), sink(seed >= 0, uint64_t(seed) * 2 + 2);
  const auto start = std::chrono::steady_clock::now();
  size_t image_in = 0, beat_in = 0, image_out = 0, score = 0, taken = 0, reported = 0;
  uint64_t cycle = 0, first_beat = 0, last_move = 0;
  bool offering = false;
  std::vector<int64_t> record(classes + 1);
  const char* error = nullptr;

  while (error == nullptr) {
    if (image_out == levels.size()) {
      if (!serving) break;
      const std::string records = answers.str();
      if (cycle != 0) std::printf("{\"batch\": %zu}\n", image_out);
      std::fwrite(records.data(), 1, records.size(), stdout);
      std::fflush(stdout);
      answers.str("");
      image_in = image_out = reported = 0;
      last_move = cycle;
      if (!read_batch(samples, images, levels)) break;
      continue;
    }
    half_cycle(0);
    // A beat that was offered stays until it is taken.
    if (!offering && image_in < levels.size() && source.go()) {
      offering = true;
      const size_t first = beat_in * per_beat;
      const uint8_t* pixels = images.data() + image_in * samples + first;
      set_bytes(top->s_axis_tdata, pixels, std::min(per_beat, samples - first));
      top->s_axis_tuser = beat_in == 0 ? levels[image_in] : 0;
      top->s_axis_tlast = beat_in == beats - 1;
    }
    top->s_axis_tvalid = offering;
    top->m_axis_tready = sink.go() && (sink_beats < 0 || taken < size_t(sink_beats));
    top->eval();
    const bool moves_in = offering && top->s_axis_tready;
    const bool moves_out = top->m_axis_tvalid && top->m_axis_tready;
    if (moves_out) {
      for (size_t i = 0; i < scores_per_beat; i++) {
        record[score + i] = signed_value(top->m_axis_tdata, i, score_bytes);
      }
      score += scores_per_beat;
      const size_t wanted = levels[image_out] == 0 || levels[image_out] > max_levels ? max_levels : levels[image_out];
      if (bool(top->m_axis_tlast) != (score == classes)) error = "tlast";
      if (size_t(top->m_axis_tuser) != wanted) error = "tuser";
      taken++;
      if (score == classes) {
        score = 0;
        record[classes] = int64_t(cycle);
        output.write(reinterpret_cast<const char*>(record.data()), std::streamsize(8 * record.size()));
        image_out++;
      }
    }
    half_cycle(1);
    if (moves_in) {
      if (image_in == 0 && beat_in == 0) first_beat = cycle;
      offering = false;
      if (++beat_in == beats) {
        beat_in = 0;
        image_in++;
      }
    }
    if (moves_in || moves_out) last_move = cycle;
    if (top->error_tlast) error = "error_tlast";  // every beat that went in was counted here too
    for (Channel& channel : channels) channel.peak = std::max(channel.peak, channel.count());
    if (cycle - last_move > patience) error = "stall";
    cycle++;
    if (image_out >= reported + 100) {
      reported = image_out;
      std::printf("{\"images\": %zu}\n", image_out);
      std::fflush(stdout);
    }
  }

  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  top->final();
#ifdef REBNET_TRACE
  trace.close();
#endif
  output.flush();
  if (error != nullptr) {
    std::printf("{\"error\": \"%s\", \"cycle\": %llu, \"images_in\": %zu, \"beat_in\": %zu, \"images_out\": %zu, "
                "\"score\": %zu, \"s_axis\": [%d, %d], \"m_axis\": [%d, %d], ",
                error, (unsigned long long)cycle, image_in, beat_in, image_out, score, int(top->s_axis_tvalid),
                int(top->s_axis_tready), int(top->m_axis_tvalid), int(top->m_axis_tready));
    print_channels(channels, false);
    std::printf("}\n");
    return 3;
  }
  if (!output) {
    std::printf("{\"error\": \"output\"}\n");
    return 3;
  }
  std::printf("{\"cycles\": %llu, \"first_beat\": %llu, \"seconds\": %.9f, ", (unsigned long long)cycle,
              (unsigned long long)first_beat, seconds);
  print_channels(channels, true);
  std::printf("}\n");
  return 0;
}
