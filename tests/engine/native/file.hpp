// What tests/engine/driver_file.py wrote: calls of Builder with their arrays, images and the scores they must have.
#pragma once

#include <cstdint>
#include <cstring>
#include <stdexcept>
#include <string>
#include <vector>

#include "builder.hpp"

// One call; what does not belong to its kind is empty.
struct Record {
  enum Kind : std::int64_t {
    END,
    NETWORK,
    LAYER,
    POOL,
    SCORES,
    RUN,
    REFUSED,
    RESCALE,
    ENCODE,
    SUM_POOL,
    ADD,
    JOIN,
    STACK,
    TWO_SLOPE,
    UPSAMPLE,
    DEPTH_TO_SPACE,
    KINDS
  };
  struct Array {
    std::vector<std::size_t> shape;
    std::vector<std::uint8_t> bytes;
    std::vector<std::int64_t> numbers;
  };

  std::int64_t kind;
  std::vector<int> numbers;
  std::vector<Array> arrays;

  rebnet::View<std::uint8_t> bytes(std::size_t index) const {
    return {arrays[index].bytes.data(), arrays[index].shape};
  }
  rebnet::View<std::int64_t> integers(std::size_t index) const {
    return {arrays[index].numbers.data(), arrays[index].shape};
  }
  std::vector<int> list(std::size_t index) const {
    std::vector<int> found;
    for (const std::int64_t value : arrays[index].numbers) found.push_back(static_cast<int>(value));
    return found;
  }
  std::string text() const { return std::string(arrays[0].bytes.begin(), arrays[0].bytes.end()); }
};

struct Damaged : std::runtime_error {
  using std::runtime_error::runtime_error;
};

// Reads records from memory, which it does not own; throws Damaged where they are none.
class Reader {
 public:
  Reader(const std::uint8_t* data, std::size_t size) : data_(data), left_(size) {}

  Record next() {
    struct Kind {
      int numbers;
      const char* arrays;  // b: bytes, n: numbers of 64 bits
    };
    static constexpr Kind kinds[Record::KINDS] = {{0, ""},  {5, ""},   {13, "bnnnn"}, {9, ""}, {1, "nnn"}, {0, "bn"},
                                                  {0, "b"}, {2, "nn"}, {3, "nn"},     {9, ""}, {0, "nn"},  {0, "n"},
                                                  {0, "n"}, {2, "n"},  {3, ""},       {2, ""}};
    Record record{number(), {}, {}};
    if (record.kind < 0 || record.kind >= Record::KINDS) throw Damaged("no such record");
    const Kind& kind = kinds[record.kind];
    for (int i = 0; i < kind.numbers; i++) record.numbers.push_back(static_cast<int>(number()));
    for (const char* type = kind.arrays; *type; type++) record.arrays.push_back(array(*type == 'b'));
    return record;
  }

 private:
  void take(void* target, std::size_t bytes) {
    if (bytes > left_) throw Damaged("the file ends early");
    if (bytes) std::memcpy(target, data_, bytes);
    data_ += bytes, left_ -= bytes;
  }

  std::int64_t number() {
    std::int64_t value = 0;
    take(&value, sizeof value);
    return value;
  }

  Record::Array array(bool bytes) {
    Record::Array result;
    const std::int64_t axes = number();
    if (axes < 0 || axes > 4) throw Damaged("no such array");
    std::size_t size = 1;
    for (std::int64_t axis = 0; axis < axes; axis++) {
      const std::int64_t extent = number();
      if (extent < 0 || extent >= std::int64_t{1} << 32) throw Damaged("no such array");
      result.shape.push_back(static_cast<std::size_t>(extent));
      size = extent ? size * result.shape.back() : 0;
      if (size > left_) throw Damaged("the file ends early");
    }
    if (bytes) {
      result.bytes.resize(size);
      take(result.bytes.data(), size);
    } else {
      if (size > left_ / sizeof(std::int64_t)) throw Damaged("the file ends early");
      result.numbers.resize(size);
      take(result.numbers.data(), size * sizeof(std::int64_t));
    }
    return result;
  }

  const std::uint8_t* data_;
  std::size_t left_;
};
