#include "kinematics.hpp"

#include <kdl/tree.hpp>
#include <kdl_parser/kdl_parser.hpp>
#include <stdexcept>

namespace oda_controllers
{

namespace
{

KDL::Chain chain_of(const std::string & urdf, const ChainNames & names)
{
  KDL::Tree tree;
  if (!kdl_parser::treeFromString(urdf, tree)) {
    throw std::runtime_error(
      "robot_description: found no URDF that KDL reads; expected one with " + names.tcp_link);
  }
  KDL::Chain chain;
  if (!tree.getChain(names.base_link, names.tcp_link, chain)) {
    throw std::runtime_error(
      "robot_description: found no chain from " + names.base_link + " to " + names.tcp_link +
      "; set base_link and tcp_link to links of the URDF");
  }
  return chain;
}

void check_joints(const KDL::Chain & chain, const std::vector<std::string> & expected)
{
  std::vector<std::string> found;
  for (const auto & segment : chain.segments) {
    if (segment.getJoint().getType() != KDL::Joint::Fixed) {
      found.push_back(segment.getJoint().getName());
    }
  }
  if (found == expected && found.size() == kJoints) {
    return;
  }
  std::string names;
  for (const auto & name : found) {
    names += " " + name;
  }
  throw std::runtime_error(
    "robot_description: the chain has the joints" + names +
    "; expected the seven of the parameter joints, in this order");
}

}  // namespace

Kinematics::Kinematics(
  const std::string & urdf, const ChainNames & names, const Vector7 & rotor_inertia)
: chain_(chain_of(urdf, names)),
  rotor_inertia_(rotor_inertia),
  position_(kJoints),
  jacobian_(kJoints),
  mass_(kJoints)
{
  check_joints(chain_, names.joints);
  forward_ = std::make_unique<KDL::ChainFkSolverPos_recursive>(chain_);
  differential_ = std::make_unique<KDL::ChainJntToJacSolver>(chain_);
  dynamic_ = std::make_unique<KDL::ChainDynParam>(chain_, KDL::Vector::Zero());
}

bool Kinematics::measure(Measurement & measured)
{
  position_.data = measured.position;
  if (
    forward_->JntToCart(position_, tcp_) < 0 || differential_->JntToJac(position_, jacobian_) < 0 ||
    dynamic_->JntToMass(position_, mass_) < 0) {
    return false;
  }
  measured.tcp_position = Eigen::Map<const Vector3>(tcp_.p.data);
  measured.tcp_rotation =
    Eigen::Map<const Eigen::Matrix<double, 3, 3, Eigen::RowMajor>>(tcp_.M.data);
  measured.jacobian = jacobian_.data;
  measured.mass = mass_.data;
  measured.mass.diagonal() += rotor_inertia_;
  return true;
}

}  // namespace oda_controllers
