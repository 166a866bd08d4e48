// Fixed-size vectors and what passes through the law. SI units, row 0-2 linear, row 3-5 angular.
#pragma once

#include <Eigen/Core>
#include <cstdint>

namespace oda_controllers
{

constexpr int kJoints = 7;

using Vector3 = Eigen::Matrix<double, 3, 1>;
using Vector6 = Eigen::Matrix<double, 6, 1>;
using Vector7 = Eigen::Matrix<double, kJoints, 1>;
using Matrix3 = Eigen::Matrix<double, 3, 3>;
using Matrix6 = Eigen::Matrix<double, 6, 6>;
using Matrix7 = Eigen::Matrix<double, kJoints, kJoints>;
using Jacobian = Eigen::Matrix<double, 6, kJoints>;

// Figures of the law; oda_core/impedance.py describes each and holds the defaults.
struct Settings
{
  double linear_stiffness;      // [N/m]
  double angular_stiffness;     // [Nm/rad]
  double damping_ratio;         // of every mode of TCP inertia against stiffness
  double lateral_force;         // static, per axis x and y of the TCP [N]
  double axial_force;           // static, along z of the TCP [N]
  double rotation_leash;        // per axis [rad]
  double linear_speed;          // per axis [m/s]
  double angular_speed;         // per axis [rad/s]
  double linear_acceleration;   // of the set-point, per axis [m/s^2]
  double angular_acceleration;  // [rad/s^2]
  double linear_jerk;           // [m/s^3]
  double angular_jerk;          // [rad/s^3]
  double command_timeout;       // the set-point stands still so long after the last command [s]
  double posture_stiffness;     // in the null space [Nm/rad]
  double posture_damping;       // in the null space [Nms/rad]
  double torque_rate;           // per joint [Nm/s]
  double joint_step;            // measured position may change by so much in one update [rad]
  Vector7 torque_limit;         // per joint [Nm], without gravity compensation
};

// What the robot measures in one cycle, and its model there.
struct Measurement
{
  Vector7 position;      // [rad]
  Vector7 velocity;      // [rad/s]
  Vector3 tcp_position;  // in the base frame [m]
  Matrix3 tcp_rotation;  // TCP axes in the base frame
  Jacobian jacobian;     // of the TCP, along the axes of the base frame
  Matrix7 mass;          // joint inertia with rotors [kg m^2]
};

// The most severe thing that bound the last update, in rising order.
enum class Reason : std::uint8_t
{
  kNone = 0,      // the commanded twist is tracked
  kClamped,       // the twist was above the speed limits
  kLeash,         // the set-point waits for the arm: force limit reached
  kTorqueRate,    // a joint torque changes as fast as it may
  kTorqueLimit,   // a joint torque is as large as it may be
  kStale,         // no new twist in time: ramped to zero, holding
  kBadTwist,      // the last twist was not finite: ramped to zero, holding
  kBadPeriod,     // the cycle's duration is not plausible: this update holds
  kNotStarted,    // no torque before start()
  kBadState,      // fault: a measurement or the model is not usable; torque ramps to zero
  kStateJump,     // fault: a joint position jumped; torque ramps to zero
};

inline bool is_fault(Reason reason) { return reason >= Reason::kBadState; }

struct Output
{
  Vector7 torque = Vector7::Zero();      // to command, on top of gravity compensation [Nm]
  Vector6 wrench = Vector6::Zero();      // that the impedance asks for, TCP frame [N, Nm]
  Vector6 set_point = Vector6::Zero();   // off the measured pose, TCP frame [m, rad]
  Vector6 twist_command = Vector6::Zero();  // interpolated, TCP frame [m/s, rad/s]
  Vector6 twist = Vector6::Zero();       // measured, TCP frame [m/s, rad/s]
  Reason reason = Reason::kNotStarted;
};

}  // namespace oda_controllers
