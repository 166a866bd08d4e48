// The control law: a TCP twist moves a set-point on SE(3), and a Cartesian spring and damper pull
// the arm towards it by joint torques. No ROS, no allocation, no lock, no exception.
//
//   set-point  X_d:  p_d += R v_d dt,  R_d <- exp(R w_d dt) R_d,  within the leash of the measured X
//   error      e  =  [R^T (p_d - p); log(R^T R_d)]                         TCP frame
//   wrench     F  =  K e + D (v_d - v)
//   damping    D  =  2 zeta L S^(-1/2) L,   L = K^(1/2),  S = L (J M^-1 J^T) L
//   torque     tau = J^T F + (1 - J^T Lambda J M^-1) tau_posture,   Lambda = L S^-1 L
//
// The damping follows from diagonalising TCP inertia and stiffness together (A. Albu-Schaeffer et
// al., ICRA 2003): every mode of the two has the damping ratio zeta. S is inverted with a floor, so
// that a singular posture bounds the damping instead of failing.
#pragma once

#include <Eigen/Cholesky>
#include <Eigen/Eigenvalues>
#include <algorithm>
#include <cmath>

#include "oda_controllers/se3.hpp"
#include "oda_controllers/settings.hpp"
#include "oda_controllers/twist_profile.hpp"
#include "oda_controllers/types.hpp"

namespace oda_controllers
{

class TcpTwistImpedance
{
  using Mobility = Eigen::Matrix<double, kJoints, 6>;

public:
  static constexpr double kNominalPeriod = 1e-3;  // [s]
  static constexpr double kLongestPeriod = 1e-2;  // moved in one update at most [s]
  static constexpr double kSlowestMode = 1.0;     // floor of S, (1 rad/s)^2

  // The settings must satisfy complaint().
  explicit TcpTwistImpedance(const Settings & settings) { configure(settings); }

  // Take other settings; the set-point and the torque stay.
  void configure(const Settings & settings) noexcept
  {
    settings_ = settings;
    root_.head<3>().setConstant(std::sqrt(settings.linear_stiffness));
    root_.tail<3>().setConstant(std::sqrt(settings.angular_stiffness));
    leash_ << settings.lateral_force / settings.linear_stiffness,
      settings.lateral_force / settings.linear_stiffness,
      settings.axial_force / settings.linear_stiffness, Vector3::Constant(settings.rotation_leash);
    speed_limit_.head<3>().setConstant(settings.linear_speed);
    speed_limit_.tail<3>().setConstant(settings.angular_speed);
    stale_after_ = settings.command_timeout - longest_stop(settings) - 2.0 * kNominalPeriod;
  }

  // Put the set-point on the measured pose at rest, as at the start and after a reset. The posture
  // is held from here, and a torque that is commanded already fades within its rate.
  bool start(const Measurement & measured) noexcept
  {
    started_ = measured_soundly(measured);
    if (!started_) {
      output_.reason = Reason::kBadState;
      return false;
    }
    position_ = measured.tcp_position;
    rotation_ = measured.tcp_rotation;
    posture_ = last_position_ = measured.position;
    profile_.reset();
    target_.setZero();
    clamped_ = bad_twist_ = paused_ = resumed_ = false;
    age_ = 0.0;
    output_.reason = Reason::kNone;
    return true;
  }

  // Take a new TCP twist [m/s, rad/s], expressed in the TCP frame. The first motion after a pause
  // begins at the measured pose, so that nothing pulls that the arm was pressed against; until then
  // the set-point is held.
  void command(const Vector6 & twist) noexcept
  {
    bad_twist_ = !twist.allFinite();
    if (bad_twist_) {
      target_.setZero();
      return;
    }
    paused_ = paused_ || age_ > stale_after_;
    if (paused_ && !twist.isZero()) {
      paused_ = false;
      resumed_ = true;
    }
    target_ = twist.cwiseMin(speed_limit_).cwiseMax(-speed_limit_);
    clamped_ = target_ != twist;
    age_ = 0.0;
  }

  // One cycle of the control loop, `period` seconds after the last.
  const Output & update(const Measurement & measured, double period) noexcept
  {
    if (!started_) {
      return release(is_fault(output_.reason) ? output_.reason : Reason::kNotStarted, period);
    }
    if (!measured_soundly(measured)) {
      return release(Reason::kBadState, period);
    }
    if ((measured.position - last_position_).cwiseAbs().maxCoeff() > settings_.joint_step) {
      return release(Reason::kStateJump, period);
    }
    last_position_ = measured.position;
    if (!model(measured)) {
      return release(Reason::kBadState, period);
    }
    const double elapsed = move(measured, period);
    const Vector7 torque = torque_towards(measured);
    if (!torque.allFinite()) {
      return release(Reason::kBadState, period);
    }
    apply(torque, elapsed);
    return output_;
  }

  // Wrench of the environment on the tool [N, Nm], TCP frame, of external joint torques [Nm].
  // In the posture of the last update.
  Vector6 external_wrench(const Vector7 & external_torque) const noexcept
  {
    return inertia_ * (mobility_.transpose() * external_torque);
  }

  const Output & output() const noexcept { return output_; }
  const Settings & settings() const noexcept { return settings_; }
  const Vector6 & leash() const noexcept { return leash_; }
  const Matrix6 & damping() const noexcept { return damping_; }
  double stale_after() const noexcept { return stale_after_; }

private:
  static bool measured_soundly(const Measurement & m) noexcept
  {
    return m.position.allFinite() && m.velocity.allFinite() && m.tcp_position.allFinite() &&
           m.tcp_rotation.allFinite() && m.jacobian.allFinite() && m.mass.allFinite() &&
           std::abs(m.tcp_rotation.determinant() - 1.0) < 1e-3;
  }

  void raise(Reason reason) noexcept { output_.reason = std::max(output_.reason, reason); }

  // Move the set-point, keep it within the leash; returns the period that counts [s].
  double move(const Measurement & m, double period) noexcept
  {
    output_.reason = Reason::kNone;
    const bool plausible = std::isfinite(period) && period > 0.0;
    const double elapsed = plausible ? std::min(period, kLongestPeriod) : kNominalPeriod;
    age_ += plausible ? period : kNominalPeriod;
    if (clamped_) {raise(Reason::kClamped);}
    if (age_ > stale_after_) {raise(Reason::kStale);}
    if (bad_twist_) {raise(Reason::kBadTwist);}
    if (!plausible) {raise(Reason::kBadPeriod);}
    if (resumed_) {
      position_ = m.tcp_position;
      rotation_ = m.tcp_rotation;
      resumed_ = false;
    }
    const bool moving = output_.reason < Reason::kStale;
    const Vector6 wanted = moving ? target_ : Vector6::Zero();
    const Vector6 v = profile_.follow(wanted, settings_, elapsed);
    output_.twist_command = v;
    position_ += m.tcp_rotation * v.head<3>() * elapsed;
    rotation_ = exponential(m.tcp_rotation * v.tail<3>() * elapsed) * rotation_;
    hold_back(m);
    return elapsed;
  }

  void hold_back(const Measurement & m) noexcept
  {
    Vector6 error;
    error.head<3>() = m.tcp_rotation.transpose() * (position_ - m.tcp_position);
    error.tail<3>() = logarithm(m.tcp_rotation.transpose() * rotation_);
    const Vector6 kept = error.cwiseMin(leash_).cwiseMax(-leash_);
    if (kept != error) {
      raise(Reason::kLeash);
      position_ = m.tcp_position + m.tcp_rotation * kept.head<3>();
    }
    rotation_ = m.tcp_rotation * exponential(kept.tail<3>());  // and orthonormal again
    output_.set_point = kept;
  }

  // TCP inertia in this posture, and the damping that suits it; false if there is no such.
  bool model(const Measurement & m) noexcept
  {
    jacobian_.topRows<3>() = m.tcp_rotation.transpose() * m.jacobian.topRows<3>();
    jacobian_.bottomRows<3>() = m.tcp_rotation.transpose() * m.jacobian.bottomRows<3>();
    factor_.compute(m.mass);
    if (factor_.info() != Eigen::Success) {
      return false;
    }
    mobility_ = factor_.solve(jacobian_.transpose());
    const Matrix6 softness = root_.asDiagonal() * (jacobian_ * mobility_) * root_.asDiagonal();
    modes_.compute(softness);
    if (modes_.info() != Eigen::Success) {
      return false;
    }
    const Matrix6 shape = root_.asDiagonal() * modes_.eigenvectors();
    const Vector6 value = modes_.eigenvalues().cwiseMax(kSlowestMode);
    inertia_ = shape * value.cwiseInverse().asDiagonal() * shape.transpose();
    damping_ = 2.0 * settings_.damping_ratio * shape *
      value.cwiseSqrt().cwiseInverse().asDiagonal() * shape.transpose();
    return true;
  }

  Vector7 torque_towards(const Measurement & m) noexcept
  {
    output_.twist = jacobian_ * m.velocity;
    output_.wrench = root_.cwiseAbs2().cwiseProduct(output_.set_point) +
      damping_ * (output_.twist_command - output_.twist);
    const Vector7 posture = settings_.posture_stiffness * (posture_ - m.position) -
      settings_.posture_damping * m.velocity;
    const Vector6 felt = inertia_ * (mobility_.transpose() * posture);  // by the TCP
    return jacobian_.transpose() * (output_.wrench - felt) + posture;
  }

  // Command a torque within its limit and within its rate.
  void apply(const Vector7 & wanted, double elapsed) noexcept
  {
    const Vector7 & limit = settings_.torque_limit;
    const Vector7 allowed = wanted.cwiseMin(limit).cwiseMax(-limit);
    const Vector7 step = Vector7::Constant(settings_.torque_rate * elapsed);
    const Vector7 change = allowed - output_.torque;
    const Vector7 reached = change.cwiseMin(step).cwiseMax(-step);
    if (reached != change) {raise(Reason::kTorqueRate);}
    if (allowed != wanted) {raise(Reason::kTorqueLimit);}
    output_.torque += reached;
  }

  // Let go: the torque falls to zero within its rate; only start() ends this.
  const Output & release(Reason reason, double period) noexcept
  {
    started_ = false;
    const bool plausible = std::isfinite(period) && period > 0.0;
    apply(Vector7::Zero(), plausible ? std::min(period, kLongestPeriod) : kNominalPeriod);
    output_.wrench.setZero();
    output_.twist_command.setZero();
    output_.reason = reason;
    return output_;
  }

  Settings settings_;
  Vector6 root_;         // square root of the stiffness
  Vector6 leash_;        // [m, rad]
  Vector6 speed_limit_;  // [m/s, rad/s]
  double stale_after_;   // [s]

  bool started_ = false;
  bool clamped_ = false;
  bool bad_twist_ = false;
  bool paused_ = false;   // no twist came in time, and no motion since
  bool resumed_ = false;  // the first motion after a pause
  double age_ = 0.0;  // of the last good twist [s]
  Vector6 target_ = Vector6::Zero();
  TwistProfile profile_;
  Vector3 position_ = Vector3::Zero();  // set-point in the base frame
  Matrix3 rotation_ = Matrix3::Identity();
  Vector7 posture_ = Vector7::Zero();
  Vector7 last_position_ = Vector7::Zero();

  Jacobian jacobian_ = Jacobian::Zero();  // TCP frame
  Eigen::LLT<Matrix7> factor_;
  Eigen::SelfAdjointEigenSolver<Matrix6> modes_;
  Mobility mobility_ = Mobility::Zero();  // M^-1 J^T
  Matrix6 inertia_ = Matrix6::Zero();  // Lambda
  Matrix6 damping_ = Matrix6::Zero();
  Output output_;
};

}  // namespace oda_controllers
