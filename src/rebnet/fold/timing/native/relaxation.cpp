// The earliest times of events that wait for each other; see rebnet.fold.timing.relaxation, which does the same in
// numpy. Where few events move, as when a buffer loses a word, only these are visited here.
#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/pair.h>

#include <algorithm>
#include <cstdint>
#include <numeric>
#include <optional>
#include <stdexcept>
#include <utility>
#include <vector>

namespace nb = nanobind;
using namespace nb::literals;

namespace {

using Integers = nb::ndarray<const std::int64_t, nb::ndim<1>, nb::c_contig, nb::device::cpu>;
using Times = nb::ndarray<std::int64_t, nb::ndim<1>, nb::c_contig, nb::device::cpu>;

// What a circle of events costs, and how many images it goes through.
using Circle = std::pair<std::int64_t, std::int64_t>;

constexpr std::int64_t kNever = -(std::int64_t{1} << 60);
constexpr std::int64_t kMostEvents = std::int64_t{1} << 30;
constexpr std::int32_t kNobody = -1;

void require(bool holds, const char* message) {
  if (!holds) throw std::invalid_argument(message);
}

// Edges from the events of one process to those of another.
struct Wait {
  std::int32_t process;             // who waits
  std::vector<std::int32_t> heads;  // events that wait, of all events, in the order of what they wait for
  std::vector<std::int64_t> adds;
  std::vector<std::int64_t> laps;   // images from what they wait for to them
  std::vector<std::int32_t> first;  // of each awaited event, and behind the last: where its edges begin
};

struct Process {
  std::int32_t first;  // its first event, of all events
  std::int32_t count;
  std::vector<std::int32_t> followers;  // waits for its events
  std::vector<std::int32_t> dirty;      // events that moved since it was last visited
};

struct Moved {
  std::int32_t event;
  std::int32_t cause;
  std::int64_t time;
};

class Relaxation {
 public:
  explicit Relaxation(std::int64_t period) : period_(period) {}

  int add_process(const Integers& gaps, bool start) {
    const std::size_t count = gaps.shape(0);
    require(count > 0, "process: no events");
    require(static_cast<std::int64_t>(times_.size() + count) < kMostEvents, "process: too many events");
    const auto first = static_cast<std::int32_t>(times_.size());
    processes_.push_back({first, static_cast<std::int32_t>(count), {}, {}});
    gaps_.insert(gaps_.end(), gaps.data(), gaps.data() + count);
    gaps_[static_cast<std::size_t>(first)] -= period_;
    times_.resize(times_.size() + count, kNever);
    const auto number = static_cast<std::int32_t>(processes_.size() - 1);
    owners_.resize(times_.size(), number);
    causes_.resize(times_.size(), kNobody);
    marks_.resize(times_.size(), 0);
    waiting_.resize(times_.size(), 0);
    starts_.push_back(start);
    return number;
  }

  int add_wait(int process, int source, const Integers& events, const Integers& after, const Integers& adds,
               const Integers& laps) {
    require(known(process) && known(source), "wait: no such process");
    waits_.push_back(made(process, source, events, after, adds, laps));
    sources_.push_back(source);
    processes_[static_cast<std::size_t>(source)].followers.push_back(static_cast<std::int32_t>(waits_.size() - 1));
    return static_cast<int>(waits_.size() - 1);
  }

  void begin(int process, const Integers& times) {
    require(known(process), "begin: no such process");
    const Process& own = processes_[static_cast<std::size_t>(process)];
    require(times.shape(0) == static_cast<std::size_t>(own.count), "begin: times of another length");
    for (std::int32_t event = own.first; event < own.first + own.count; event++) {
      const auto at = static_cast<std::size_t>(event);
      times_[at] = kNever;
      causes_[at] = kNobody;
      raise(event, times.data()[event - own.first], kNobody);
    }
  }

  std::optional<Circle> solve() {
    for (const Process& process : processes_) {
      const auto begin = gaps_.begin() + process.first;
      const std::int64_t busy = std::accumulate(begin, begin + process.count, period_);
      if (busy > period_) return Circle{busy, 1};
    }
    log_.clear();
    logs_ = false;
    replaced_ = -1;
    for (std::size_t number = 0; number < processes_.size(); number++) {
      if (starts_[number]) raise(processes_[number].first, 0, kNobody);
    }
    return settle();
  }

  bool replace(int wait, const Integers& events, const Integers& after, const Integers& adds, const Integers& laps) {
    require(wait >= 0 && static_cast<std::size_t>(wait) < waits_.size(), "replace: no such wait");
    Wait& now = waits_[static_cast<std::size_t>(wait)];
    const int source = sources_[static_cast<std::size_t>(wait)];
    Wait more = made(now.process, source, events, after, adds, laps);
    replaced_ = wait;
    before_ = std::exchange(now, std::move(more));
    log_.clear();
    logs_ = true;
    stamp_++;
    const Process& from = processes_[static_cast<std::size_t>(source)];
    for (std::int32_t event = 0; event < from.count; event++) follow(now, from.first + event, event);
    const bool held = !settle().has_value();
    if (!held) undo();
    return held;
  }

  void undo() {
    for (const Moved& moved : log_) {
      times_[static_cast<std::size_t>(moved.event)] = moved.time;
      causes_[static_cast<std::size_t>(moved.event)] = moved.cause;
    }
    log_.clear();
    if (replaced_ >= 0) waits_[static_cast<std::size_t>(replaced_)] = std::move(before_);
    replaced_ = -1;
    for (Process& process : processes_) {
      for (const std::int32_t event : process.dirty) waiting_[static_cast<std::size_t>(event)] = 0;
      process.dirty.clear();
    }
  }

  void times(int process, const Times& into) const {
    require(known(process), "times: no such process");
    const Process& own = processes_[static_cast<std::size_t>(process)];
    require(into.shape(0) == static_cast<std::size_t>(own.count), "times: of another length");
    std::copy_n(times_.begin() + own.first, own.count, into.data());
  }

 private:
  bool known(int process) const { return process >= 0 && static_cast<std::size_t>(process) < processes_.size(); }

  Wait made(int process, int source, const Integers& events, const Integers& after, const Integers& adds,
            const Integers& laps) const {
    const Process& waiting = processes_[static_cast<std::size_t>(process)];
    const Process& awaited = processes_[static_cast<std::size_t>(source)];
    const std::size_t count = events.shape(0);
    require(after.shape(0) == count && adds.shape(0) == count && laps.shape(0) == count,
            "wait: arrays of unequal lengths");
    Wait wait{process, std::vector<std::int32_t>(count), std::vector<std::int64_t>(count),
              std::vector<std::int64_t>(count),
              std::vector<std::int32_t>(static_cast<std::size_t>(awaited.count) + 1, 0)};
    for (std::size_t i = 0; i < count; i++) {
      require(events.data()[i] >= 0 && events.data()[i] < waiting.count, "wait: no such event waits");
      require(after.data()[i] >= 0 && after.data()[i] < awaited.count, "wait: no such event is awaited");
      wait.first[static_cast<std::size_t>(after.data()[i]) + 1]++;
    }
    for (std::size_t i = 1; i < wait.first.size(); i++) wait.first[i] += wait.first[i - 1];
    std::vector<std::int32_t> next(wait.first.begin(), wait.first.end() - 1);
    for (std::size_t i = 0; i < count; i++) {
      const auto place = static_cast<std::size_t>(next[static_cast<std::size_t>(after.data()[i])]++);
      wait.heads[place] = waiting.first + static_cast<std::int32_t>(events.data()[i]);
      wait.adds[place] = adds.data()[i];
      wait.laps[place] = laps.data()[i];
    }
    return wait;
  }

  // Let `event` happen at `time` if that is later, because of `cause`.
  void raise(std::int32_t event, std::int64_t time, std::int32_t cause) {
    const auto at = static_cast<std::size_t>(event);
    if (time <= times_[at]) return;
    if (logs_ && marks_[at] != stamp_) {
      marks_[at] = stamp_;
      log_.push_back({event, causes_[at], times_[at]});
    }
    times_[at] = time;
    causes_[at] = cause;
    raised_++;
    if (!waiting_[at]) {
      waiting_[at] = 1;
      processes_[static_cast<std::size_t>(owners_[at])].dirty.push_back(event);
    }
  }

  // Let all events of a wait follow one event, number `place` of its process.
  void follow(const Wait& wait, std::int32_t event, std::int32_t place) {
    const std::int64_t time = times_[static_cast<std::size_t>(event)];
    const std::int32_t end = wait.first[static_cast<std::size_t>(place) + 1];
    for (std::int32_t edge = wait.first[static_cast<std::size_t>(place)]; edge < end; edge++) {
      const auto at = static_cast<std::size_t>(edge);
      raise(wait.heads[at], time + wait.adds[at], event);
    }
  }

  // Visit processes forwards and backwards until nothing moves, or until that never ends.
  std::optional<Circle> settle() {
    raised_ = 0;
    std::int64_t look = 4096;
    const auto count = static_cast<std::int32_t>(processes_.size());
    for (bool forwards = true, moving = true; moving; forwards = !forwards) {
      moving = false;
      for (std::int32_t step = 0; step < count; step++) {
        Process& process = processes_[static_cast<std::size_t>(forwards ? step : count - 1 - step)];
        if (process.dirty.empty()) continue;
        moving = true;
        const std::int32_t moved = process.dirty.front();
        while (!process.dirty.empty() && raised_ <= look) visit(process);
        if (raised_ > look) {
          if (const auto circle = back(moved)) return circle;
          look = raised_ + std::max<std::int64_t>(4096, 2 * walked_);
        }
      }
    }
    return std::nullopt;
  }

  // Let all events that moved push the next of their process, and others follow them.
  void visit(Process& process) {
    visited_.swap(process.dirty);
    std::sort(visited_.begin(), visited_.end());
    for (const std::int32_t start : visited_) {
      for (std::int32_t event = start; waiting_[static_cast<std::size_t>(event)];) {
        waiting_[static_cast<std::size_t>(event)] = 0;
        const std::int32_t place = event - process.first;
        const std::int32_t next = place + 1 < process.count ? event + 1 : process.first;
        raise(next, times_[static_cast<std::size_t>(event)] + gaps_[static_cast<std::size_t>(next)], event);
        for (const std::int32_t wait : process.followers) follow(waits_[static_cast<std::size_t>(wait)], event, place);
        event = next;
        if (next == process.first) break;
      }
    }
    visited_.clear();
    process.dirty.erase(
        std::remove_if(process.dirty.begin(), process.dirty.end(),
                       [this](std::int32_t event) { return !waiting_[static_cast<std::size_t>(event)]; }),
        process.dirty.end());
  }

  // Go back from an event along what it moved for, until that closes or ends. As in every search for longest paths that
  // relaxes edges, such a circle costs more than its periods.
  std::optional<Circle> back(std::int32_t event) {
    walked_ = 0;
    const auto most = static_cast<std::int64_t>(times_.size());
    std::int32_t at = event;
    for (; at != kNobody && walked_ <= most; at = causes_[static_cast<std::size_t>(at)]) walked_++;
    if (at == kNobody) return std::nullopt;
    Circle circle{0, 0};
    const std::int32_t begin = at;
    do {
      const std::int32_t cause = causes_[static_cast<std::size_t>(at)];
      const auto [add, laps] = edge(cause, at);
      circle.first += add + period_ * laps;
      circle.second += laps;
      at = cause;
    } while (at != begin);
    return circle;
  }

  // The edge between two events that asks for most, and the images it goes through.
  Circle edge(std::int32_t from, std::int32_t to) const {
    const auto owner = static_cast<std::size_t>(owners_[static_cast<std::size_t>(from)]);
    const Process& process = processes_[owner];
    Circle most{kNever, 0};
    const std::int32_t last = process.first + process.count - 1;
    if (to == (from == last ? process.first : from + 1)) {
      most = {gaps_[static_cast<std::size_t>(to)], to == process.first ? 1 : 0};
    }
    const auto place = static_cast<std::size_t>(from - process.first);
    for (const std::int32_t number : process.followers) {
      const Wait& wait = waits_[static_cast<std::size_t>(number)];
      for (auto at = static_cast<std::size_t>(wait.first[place]); at < static_cast<std::size_t>(wait.first[place + 1]);
           at++) {
        if (wait.heads[at] == to && wait.adds[at] > most.first) most = {wait.adds[at], wait.laps[at]};
      }
    }
    return most;
  }

  std::int64_t period_;
  std::int64_t raised_ = 0, walked_ = 0;
  std::uint32_t stamp_ = 0;
  bool logs_ = false;  // whether moves are kept, to be taken back
  int replaced_ = -1;
  Wait before_{};
  std::vector<Process> processes_;
  std::vector<Wait> waits_;
  std::vector<int> sources_;
  std::vector<bool> starts_;
  std::vector<std::int64_t> gaps_, times_;
  std::vector<std::int32_t> owners_, causes_, visited_;
  std::vector<std::uint32_t> marks_;
  std::vector<std::uint8_t> waiting_;
  std::vector<Moved> log_;
};

}  // namespace

NB_MODULE(_relaxation, m) {
  nb::set_leak_warnings(false);  // what a program still holds when the interpreter ends is its own affair
  m.doc() = "Times of events in C++; use rebnet.fold.timing.relaxation.";
  nb::class_<Relaxation>(m, "Relaxation")
      .def(nb::init<std::int64_t>(), "period"_a)
      .def("add_process", &Relaxation::add_process, "gaps"_a, "start"_a)
      .def("add_wait", &Relaxation::add_wait, "process"_a, "source"_a, "events"_a, "after"_a, "adds"_a, "laps"_a)
      .def("begin", &Relaxation::begin, "process"_a, "times"_a)
      .def("solve", &Relaxation::solve)
      .def("replace", &Relaxation::replace, "wait"_a, "events"_a, "after"_a, "adds"_a, "laps"_a)
      .def("undo", &Relaxation::undo)
      .def("times", &Relaxation::times, "process"_a, "into"_a);
}
