// The two maps of SO(3) that the set-point needs.
#pragma once

#include <Eigen/Geometry>
#include <cmath>

#include "oda_controllers/types.hpp"

namespace oda_controllers
{

// Rotation matrix of a rotation vector [rad].
inline Matrix3 exponential(const Vector3 & rotation_vector)
{
  const double angle = rotation_vector.norm();
  if (angle < 1e-12) {
    return Matrix3::Identity();
  }
  return Eigen::AngleAxisd(angle, rotation_vector / angle).toRotationMatrix();
}

// Rotation vector of a rotation matrix, angle in [0, pi] [rad].
inline Vector3 logarithm(const Matrix3 & rotation)
{
  Eigen::Quaterniond q(rotation);
  if (q.w() < 0.0) {
    q.coeffs() = -q.coeffs();
  }
  const double sine = q.vec().norm();
  return q.vec() * (sine < 1e-12 ? 2.0 : 2.0 * std::atan2(sine, q.w()) / sine);
}

}  // namespace oda_controllers
