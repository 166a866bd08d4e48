// Jerk-limited interpolation of a twist that changes at 10 Hz to one that moves at 1 kHz.
#pragma once

#include <algorithm>
#include <cmath>

#include "oda_controllers/types.hpp"

namespace oda_controllers
{

// One axis: a speed that follows a target with bounded acceleration and bounded jerk, without
// overshoot, in the shortest time that the sampling allows.
struct AxisProfile
{
  double speed = 0.0;
  double acceleration = 0.0;

  // Advance by one period and return the new speed.
  double follow(double target, double max_acceleration, double max_jerk, double period)
  {
    const double gap = target - speed;
    const double change = max_jerk * period;  // of the acceleration, in one period
    // The fewest periods in which an acceleration that falls by `change` in each can close the gap,
    // and the acceleration to begin with: periods * a - change * periods (periods - 1) / 2 = gap.
    const double steps = 0.5 * (std::sqrt(1.0 + 8.0 * std::abs(gap) / (change * period)) - 1.0);
    const double periods = std::max(1.0, std::ceil(steps));
    const double first = std::abs(gap) / (periods * period) + 0.5 * change * (periods - 1.0);
    const double wanted = gap == 0.0 ? 0.0 : std::copysign(std::min(first, max_acceleration), gap);
    acceleration = std::clamp(wanted, acceleration - change, acceleration + change);
    speed += acceleration * period;
    return speed;
  }
};

// Time [s] from a steady speed to rest.
inline double stopping_time(double speed, double max_acceleration, double max_jerk)
{
  if (max_acceleration * max_acceleration < speed * max_jerk) {
    return speed / max_acceleration + max_acceleration / max_jerk;
  }
  return 2.0 * std::sqrt(speed / max_jerk);
}

// Six axes of a twist.
class TwistProfile
{
public:
  void reset()
  {
    for (auto & axis : axes_) {
      axis = AxisProfile{};
    }
  }

  Vector6 follow(const Vector6 & target, const Settings & settings, double period)
  {
    Vector6 speed;
    for (int i = 0; i < 6; ++i) {
      const bool linear = i < 3;
      speed[i] = axes_[i].follow(
        target[i], linear ? settings.linear_acceleration : settings.angular_acceleration,
        linear ? settings.linear_jerk : settings.angular_jerk, period);
    }
    return speed;
  }

private:
  AxisProfile axes_[6];
};

}  // namespace oda_controllers
