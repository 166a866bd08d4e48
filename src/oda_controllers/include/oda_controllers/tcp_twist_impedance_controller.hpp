// The ros2_control plugin around the law: interfaces, lifecycle, topics.
#pragma once

#include <atomic>
#include <controller_interface/controller_interface.hpp>
#include <geometry_msgs/msg/twist_stamped.hpp>
#include <memory>
#include <oda_msgs/msg/safety_state.hpp>
#include <optional>
#include <rclcpp/rclcpp.hpp>
#include <std_msgs/msg/string.hpp>
#include <std_srvs/srv/trigger.hpp>
#include <string>
#include <vector>

#include "oda_controllers/tcp_twist_impedance.hpp"
#include "oda_controllers/wrench.hpp"

namespace tcp_twist_impedance_controller
{
class ParamListener;
}

namespace oda_controllers
{

class Inlet;
class Kinematics;
class Outlet;

// Tracks /oda/cmd/twist with position and effort commanded in every cycle: an iiwa in torque mode
// needs both. On a fault the torque fades, and after a while of zero torque the controller ends with
// an error: by then the hardware has heard the zero, and a switch that was under way is over, within
// which an error would hang ros2_control 4.46. A person starts it again. Leaving the active state
// leaves zero torque behind.
class TcpTwistImpedanceController : public controller_interface::ControllerInterface
{
public:
  TcpTwistImpedanceController();
  ~TcpTwistImpedanceController() override;

  controller_interface::CallbackReturn on_init() override;
  controller_interface::InterfaceConfiguration command_interface_configuration() const override;
  controller_interface::InterfaceConfiguration state_interface_configuration() const override;
  controller_interface::CallbackReturn on_configure(
    const rclcpp_lifecycle::State & previous) override;
  controller_interface::CallbackReturn on_activate(
    const rclcpp_lifecycle::State & previous) override;
  controller_interface::CallbackReturn on_deactivate(
    const rclcpp_lifecycle::State & previous) override;
  controller_interface::return_type update(
    const rclcpp::Time & time, const rclcpp::Duration & period) override;

private:
  struct Layout;  // where each interface stands in the lists of the controller

  void open_topics();
  void on_twist(const geometry_msgs::msg::TwistStamped & message);
  void on_safety(const oda_msgs::msg::SafetyState & message);
  void on_tare(std_srvs::srv::Trigger::Response & response);
  void tell_reason();
  void measure();
  void sense_wrench();
  bool command(const Vector7 & torque);

  std::shared_ptr<tcp_twist_impedance_controller::ParamListener> parameters_;
  std::unique_ptr<Layout> layout_;
  std::unique_ptr<Kinematics> kinematics_;
  std::optional<TcpTwistImpedance> law_;
  std::unique_ptr<Inlet> inlet_;
  std::unique_ptr<Outlet> outlet_;
  Measurement measured_;
  WrenchMean wrench_;
  unsigned int every_ = 1;  // cycles from one state to the next
  unsigned int cycle_ = 0;
  unsigned int released_ = 0;  // cycles without torque in a fault

  std::atomic<bool> active_{false};
  bool stopped_ = false;  // by the arbiter
  std::atomic<bool> recovery_wanted_{false};
  std::atomic<bool> tare_wanted_{false};
  std::atomic<bool> window_full_{false};
  std::atomic<Reason> reason_{Reason::kNotStarted};
  Reason told_ = Reason::kNotStarted;
  rclcpp::Subscription<geometry_msgs::msg::TwistStamped>::SharedPtr subscription_;
  rclcpp::Subscription<oda_msgs::msg::SafetyState>::SharedPtr safety_;
  rclcpp::Service<std_srvs::srv::Trigger>::SharedPtr tare_;
  rclcpp::Publisher<std_msgs::msg::String>::SharedPtr reason_publisher_;
  rclcpp::TimerBase::SharedPtr reason_timer_;
};

}  // namespace oda_controllers
