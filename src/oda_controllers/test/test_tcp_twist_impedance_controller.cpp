// The plugin through its lifecycle, as a controller manager takes it, on an arm that stands still.
#include <gtest/gtest.h>

#include <chrono>
#include <cmath>
#include <limits>
#include <memory>
#include <oda_msgs/msg/tcp_state.hpp>
#include <string>
#include <thread>
#include <vector>

#include "oda_controllers/tcp_twist_impedance_controller.hpp"

namespace
{

using controller_interface::CallbackReturn;
using controller_interface::return_type;
using geometry_msgs::msg::TwistStamped;
using hardware_interface::CommandInterface;
using hardware_interface::StateInterface;
using lifecycle_msgs::msg::State;

constexpr std::size_t kSeven = 7;

// An arm of seven links of 0.2 m, axes z and y in turn, with a tool frame.
std::string urdf()
{
  std::string text = "<robot name='arm'><link name='oda_base'/>";
  for (std::size_t i = 1; i <= kSeven + 1; ++i) {
    const bool tool = i == kSeven + 1;
    const std::string parent = i == 1 ? "oda_base" : "link_" + std::to_string(i - 1);
    const std::string child = tool ? "oda_tcp" : "link_" + std::to_string(i);
    text += "<link name='" + child + "'>";
    if (!tool) {
      text += "<inertial><origin xyz='0 0 0.1'/><mass value='2'/><inertia ixx='0.02' iyy='0.02' "
              "izz='0.01' ixy='0' ixz='0' iyz='0'/></inertial>";
    }
    text += "</link><joint name='" + (tool ? "tool" : "lbr_A" + std::to_string(i)) + "' type='" +
      (tool ? "fixed" : "revolute") + "'><parent link='" + parent + "'/><child link='" + child +
      "'/><origin xyz='0 0 0.2'/><axis xyz='" + (i % 2 == 1 ? "0 0 1" : "0 1 0") +
      "'/><limit lower='-3' upper='3' effort='100' velocity='3'/></joint>";
  }
  return text + "</robot>";
}

class Controller : public ::testing::Test
{
protected:
  void SetUp() override
  {
    controller_interface::ControllerInterfaceParams params;
    params.controller_name = "impedance";
    params.robot_description = urdf();
    params.update_rate = params.controller_manager_update_rate = 1000;
    params.node_options = controller_.define_custom_node_options();
    ASSERT_EQ(controller_.init(params), return_type::OK);
    ASSERT_EQ(controller_.configure().id(), State::PRIMARY_STATE_INACTIVE);
    lend();
    node_ = std::make_shared<rclcpp::Node>("peer");
    twist_ = node_->create_publisher<TwistStamped>("/oda/cmd/twist", rclcpp::QoS(1));
    executor_.add_node(node_);
    executor_.add_node(controller_.get_node()->get_node_base_interface());
  }

  void lend()
  {
    std::vector<hardware_interface::LoanedCommandInterface> commands;
    for (const auto & name : controller_.command_interface_configuration().names) {
      commands_.push_back(std::make_shared<CommandInterface>(prefix(name), suffix(name)));
      commands.emplace_back(commands_.back(), nullptr);
    }
    std::vector<hardware_interface::LoanedStateInterface> states;
    for (const auto & name : controller_.state_interface_configuration().names) {
      states_.push_back(std::make_shared<StateInterface>(prefix(name), suffix(name)));
      states.emplace_back(states_.back());
    }
    for (std::size_t i = 0; i < states_.size(); ++i) {
      set(i, i < kSeven ? (i % 2 == 1 ? 0.8 : 0.1) : 0.0);
    }
    controller_.assign_interfaces(std::move(commands), std::move(states));
  }

  static std::string prefix(const std::string & name) { return name.substr(0, name.find('/')); }
  static std::string suffix(const std::string & name) { return name.substr(name.find('/') + 1); }

  void set(std::size_t index, double value) { ASSERT_TRUE(states_[index]->set_value(value)); }

  void activate()
  {
    ASSERT_EQ(
      controller_.get_node()->activate().id(), lifecycle_msgs::msg::State::PRIMARY_STATE_ACTIVE);
  }

  return_type cycle(int count)
  {
    return_type result = return_type::OK;
    for (int i = 0; i < count && result == return_type::OK; ++i) {
      result = controller_.update(
        controller_.get_node()->now(), rclcpp::Duration(std::chrono::milliseconds(1)));
    }
    return result;
  }

  // Send a twist until the controller has it, one message with one stamp at a time.
  void send(const std::string & frame)
  {
    for (int i = 0; i < 20; ++i) {
      TwistStamped message;
      message.header.stamp = node_->now();
      message.header.frame_id = frame;
      message.twist.linear.x = 0.02;
      twist_->publish(message);
      executor_.spin_some();
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
      executor_.spin_some();
    }
  }

  double effort() const
  {
    double sum = 0.0;
    for (std::size_t i = 0; i < kSeven; ++i) {
      sum += std::abs(commands_[kSeven + i]->get_optional().value());
    }
    return sum;
  }

  oda_controllers::TcpTwistImpedanceController controller_;
  std::vector<std::shared_ptr<CommandInterface>> commands_;
  std::vector<std::shared_ptr<StateInterface>> states_;
  rclcpp::Node::SharedPtr node_;
  rclcpp::Publisher<TwistStamped>::SharedPtr twist_;
  rclcpp::executors::SingleThreadedExecutor executor_;
};

TEST_F(Controller, ClaimsPositionAndEffortTogether)
{
  const auto claimed = controller_.command_interface_configuration().names;
  ASSERT_EQ(claimed.size(), 2 * kSeven);
  EXPECT_EQ(claimed.front(), "lbr_A1/position");
  EXPECT_EQ(claimed.back(), "lbr_A7/effort");
}

TEST_F(Controller, HoldsWithoutTorqueAndFollowsThePosition)
{
  activate();
  EXPECT_EQ(cycle(100), return_type::OK);
  EXPECT_NEAR(effort(), 0.0, 1e-9);
  EXPECT_DOUBLE_EQ(commands_[1]->get_optional().value(), 0.8);
}

TEST_F(Controller, TracksATwistAndLeavesNoTorqueBehind)
{
  activate();
  send("oda_tcp");
  EXPECT_EQ(cycle(150), return_type::OK);
  EXPECT_GT(effort(), 0.5);
  EXPECT_EQ(
    controller_.get_node()->deactivate().id(), lifecycle_msgs::msg::State::PRIMARY_STATE_INACTIVE);
  EXPECT_DOUBLE_EQ(effort(), 0.0);
}

TEST_F(Controller, RefusesAnotherFrame)
{
  activate();
  send("oda_base");
  EXPECT_EQ(cycle(150), return_type::OK);
  EXPECT_NEAR(effort(), 0.0, 1e-9);
}

TEST_F(Controller, LetsGoAndEndsWithAnErrorWhenAMeasurementIsLost)
{
  activate();
  send("oda_tcp");
  EXPECT_EQ(cycle(150), return_type::OK);
  set(3, std::numeric_limits<double>::quiet_NaN());
  EXPECT_EQ(cycle(1), return_type::OK);  // the torque fades within its rate
  EXPECT_EQ(cycle(250), return_type::OK);  // and is released for a while
  EXPECT_DOUBLE_EQ(effort(), 0.0);
  EXPECT_EQ(cycle(100), return_type::ERROR);
  EXPECT_DOUBLE_EQ(effort(), 0.0);
}

TEST_F(Controller, DoesNotStartFromWhatIsNotMeasured)
{
  set(0, std::numeric_limits<double>::quiet_NaN());
  EXPECT_NE(
    controller_.get_node()->activate().id(), lifecycle_msgs::msg::State::PRIMARY_STATE_ACTIVE);
}

TEST_F(Controller, TellsPoseAndExternalWrench)
{
  oda_msgs::msg::TcpState state;
  const auto heard = node_->create_subscription<oda_msgs::msg::TcpState>(
    "/oda/state", rclcpp::SensorDataQoS(),
    [&state](const oda_msgs::msg::TcpState & message) {state = message;});
  activate();
  for (std::size_t i = 0; i < kSeven; ++i) {
    set(2 * kSeven + i, 1.0);
  }
  for (int i = 0; i < 100 && state.header.frame_id.empty(); ++i) {
    cycle(10);
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
    executor_.spin_some();
  }
  EXPECT_EQ(state.header.frame_id, "oda_base");
  EXPECT_EQ(state.tcp_frame_id, "oda_tcp");
  EXPECT_GT(state.pose.position.z, 0.2);
  EXPECT_GT(std::abs(state.wrench.force.x) + std::abs(state.wrench.torque.z), 0.1);
}

}  // namespace

int main(int argc, char ** argv)
{
  ::testing::InitGoogleTest(&argc, argv);
  rclcpp::init(argc, argv);
  const int result = RUN_ALL_TESTS();
  rclcpp::shutdown();
  return result;
}
