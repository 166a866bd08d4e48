// Wrench of the environment on the tool: mean of the last 100 ms, tared.
#pragma once

#include <array>
#include <cstddef>

#include "oda_controllers/types.hpp"

namespace oda_controllers
{

class WrenchMean
{
public:
  static constexpr std::size_t kWindow = 100;  // samples of one millisecond

  // Take one sample [N, Nm]; one that is not finite is left out.
  void add(const Vector6 & sample)
  {
    if (!sample.allFinite()) {
      return;
    }
    samples_[next_] = sample;
    next_ = (next_ + 1) % kWindow;
    count_ = count_ < kWindow ? count_ + 1 : kWindow;
    Vector6 sum = Vector6::Zero();
    for (std::size_t i = 0; i < count_; ++i) {
      sum += samples_[i];
    }
    mean_ = sum / static_cast<double>(count_);
  }

  // Take the present mean for zero.
  void tare() { tare_ = mean_; }

  Vector6 value() const { return mean_ - tare_; }
  bool full() const { return count_ == kWindow; }

  void reset() { *this = WrenchMean{}; }

private:
  std::array<Vector6, kWindow> samples_{};
  std::size_t next_ = 0;
  std::size_t count_ = 0;
  Vector6 mean_ = Vector6::Zero();
  Vector6 tare_ = Vector6::Zero();
};

}  // namespace oda_controllers
