// The arm of a URDF, by KDL: pose, Jacobian and inertia without allocation.
#pragma once

#include <kdl/chain.hpp>
#include <kdl/chaindynparam.hpp>
#include <kdl/chainfksolverpos_recursive.hpp>
#include <kdl/chainjnttojacsolver.hpp>
#include <memory>
#include <string>
#include <vector>

#include "oda_controllers/types.hpp"

namespace oda_controllers
{

struct ChainNames
{
  std::string base_link;
  std::string tcp_link;
  std::vector<std::string> joints;  // in the order of the chain
};

class Kinematics
{
public:
  // The chain of a robot description; throws std::runtime_error with what was found and expected.
  Kinematics(const std::string & urdf, const ChainNames & names, const Vector7 & rotor_inertia);

  // Complete a measurement from its joint position; false if KDL refuses.
  bool measure(Measurement & measured);

private:
  KDL::Chain chain_;
  Vector7 rotor_inertia_;
  KDL::JntArray position_;
  KDL::Jacobian jacobian_;
  KDL::JntSpaceInertiaMatrix mass_;
  KDL::Frame tcp_;
  std::unique_ptr<KDL::ChainFkSolverPos_recursive> forward_;
  std::unique_ptr<KDL::ChainJntToJacSolver> differential_;
  std::unique_ptr<KDL::ChainDynParam> dynamic_;
};

}  // namespace oda_controllers
