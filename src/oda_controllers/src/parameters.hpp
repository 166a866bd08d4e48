// From the declared parameters to the figures of the law.
#pragma once

#include "oda_controllers/types.hpp"
#include "oda_controllers/tcp_twist_impedance_parameters.hpp"

namespace oda_controllers
{

using Parameters = tcp_twist_impedance_controller::Params;

inline Vector7 seven(const std::vector<double> & values)
{
  return Eigen::Map<const Vector7>(values.data());  // the size is validated
}

inline Settings settings_of(const Parameters & parameters)
{
  const auto & law = parameters.law;
  Settings s{};
  s.linear_stiffness = law.linear_stiffness_n_m;
  s.angular_stiffness = law.angular_stiffness_nm_rad;
  s.damping_ratio = law.damping_ratio;
  s.lateral_force = law.lateral_force_n;
  s.axial_force = law.axial_force_n;
  s.rotation_leash = law.rotation_leash_rad;
  s.linear_speed = law.linear_speed_m_s;
  s.angular_speed = law.angular_speed_rad_s;
  s.linear_acceleration = law.linear_acceleration_m_s2;
  s.angular_acceleration = law.angular_acceleration_rad_s2;
  s.linear_jerk = law.linear_jerk_m_s3;
  s.angular_jerk = law.angular_jerk_rad_s3;
  s.command_timeout = law.command_timeout_s;
  s.posture_stiffness = law.posture_stiffness_nm_rad;
  s.posture_damping = law.posture_damping_nms_rad;
  s.torque_rate = law.torque_rate_nm_s;
  s.joint_step = law.joint_step_rad;
  s.torque_limit = seven(law.torque_limit_nm);
  return s;
}

}  // namespace oda_controllers
