// What settings must satisfy before the law may run with them.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>

#include "oda_controllers/twist_profile.hpp"

namespace oda_controllers
{

// Longest time from full speed to rest [s], over linear and angular motion.
inline double longest_stop(const Settings & s)
{
  return std::max(
    stopping_time(s.linear_speed, s.linear_acceleration, s.linear_jerk),
    stopping_time(s.angular_speed, s.angular_acceleration, s.angular_jerk));
}

// What is wrong, as found, expected and remedy; nullptr if the settings are usable.
inline const char * complaint(const Settings & s)
{
  const std::array<double, 17> positive = {
    s.linear_stiffness,     s.angular_stiffness,    s.damping_ratio,  s.lateral_force,
    s.axial_force,          s.rotation_leash,       s.linear_speed,   s.angular_speed,
    s.linear_acceleration,  s.angular_acceleration, s.linear_jerk,    s.angular_jerk,
    s.command_timeout,      s.torque_rate,          s.joint_step,     s.torque_limit.minCoeff(),
    s.torque_limit.maxCoeff()};
  for (const double value : positive) {
    if (!std::isfinite(value) || value <= 0.0) {
      return "a setting is zero, negative or not finite; expected positive numbers: check each";
    }
  }
  const bool posture = std::isfinite(s.posture_stiffness) && std::isfinite(s.posture_damping) &&
    s.posture_stiffness >= 0.0 && s.posture_damping >= 0.0;
  if (!posture || !s.torque_limit.allFinite()) {
    return "posture or torque limits are negative or not finite; expected 0 or more: check each";
  }
  if (s.rotation_leash > 0.5) {
    return "rotation_leash is above 0.5 rad, beyond what the spring is meant for: lower it";
  }
  if (longest_stop(s) > 0.5 * s.command_timeout) {
    return "a stop from full speed takes more than half of command_timeout: raise acceleration "
           "and jerk, lower the speed limits or raise the timeout";
  }
  return nullptr;
}

}  // namespace oda_controllers
