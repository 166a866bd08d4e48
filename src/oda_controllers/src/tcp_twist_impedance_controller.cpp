#include "oda_controllers/tcp_twist_impedance_controller.hpp"

#include <hardware_interface/types/hardware_interface_type_values.hpp>
#include <limits>
#include <pluginlib/class_list_macros.hpp>
#include <stdexcept>
#include <utility>

#include "inlet.hpp"
#include "kinematics.hpp"
#include "outlet.hpp"
#include "parameters.hpp"
#include "reason.hpp"

namespace oda_controllers
{

using controller_interface::CallbackReturn;
using controller_interface::InterfaceConfiguration;
using controller_interface::interface_configuration_type;
using controller_interface::return_type;
using std::size_t;

namespace
{

constexpr double kNone = std::numeric_limits<double>::quiet_NaN();
constexpr unsigned int kReleased = 250;  // cycles without torque before a fault ends the controller
constexpr auto kReasonPeriod = std::chrono::milliseconds(100);
constexpr size_t kSeven = static_cast<size_t>(kJoints);

std::vector<std::string> joined(
  const std::vector<std::string> & joints, const std::vector<std::string> & interfaces)
{
  std::vector<std::string> names;
  for (const auto & interface : interfaces) {
    for (const auto & joint : joints) {
      names.push_back(joint + "/" + interface);
    }
  }
  return names;
}

}  // namespace

// The interfaces come in the order in which they are asked for: seven of each kind.
struct TcpTwistImpedanceController::Layout
{
  explicit Layout(const Parameters & parameters)
  : command(joined(
      parameters.joints,
      {hardware_interface::HW_IF_POSITION, hardware_interface::HW_IF_EFFORT})),
    state(joined(
      parameters.joints,
      {hardware_interface::HW_IF_POSITION, hardware_interface::HW_IF_VELOCITY})),
    has_sensor(!parameters.force_torque_sensor.empty()),
    has_external_torque(!has_sensor && !parameters.external_torque_interface.empty())
  {
    if (has_external_torque) {
      const auto names = joined(parameters.joints, {parameters.external_torque_interface});
      state.insert(state.end(), names.begin(), names.end());
    }
    for (const char * axis :
      {"force.x", "force.y", "force.z", "torque.x", "torque.y", "torque.z"})
    {
      if (has_sensor) {
        state.push_back(parameters.force_torque_sensor + "/" + axis);
      }
    }
  }

  std::vector<std::string> command;
  std::vector<std::string> state;
  bool has_sensor;
  bool has_external_torque;
};

TcpTwistImpedanceController::TcpTwistImpedanceController() = default;
TcpTwistImpedanceController::~TcpTwistImpedanceController() = default;

CallbackReturn TcpTwistImpedanceController::on_init()
{
  try {
    parameters_ =
      std::make_shared<tcp_twist_impedance_controller::ParamListener>(get_node());
    layout_ = std::make_unique<Layout>(parameters_->get_params());
  } catch (const std::exception & error) {
    RCLCPP_ERROR(rclcpp::get_logger("oda_controllers"), "parameters: %s", error.what());
    return CallbackReturn::ERROR;
  }
  return CallbackReturn::SUCCESS;
}

InterfaceConfiguration TcpTwistImpedanceController::command_interface_configuration() const
{
  return {interface_configuration_type::INDIVIDUAL, layout_->command};
}

InterfaceConfiguration TcpTwistImpedanceController::state_interface_configuration() const
{
  return {interface_configuration_type::INDIVIDUAL, layout_->state};
}

CallbackReturn TcpTwistImpedanceController::on_configure(const rclcpp_lifecycle::State &)
{
  const Parameters parameters = parameters_->get_params();
  const Settings settings = settings_of(parameters);
  try {
    if (const char * fault = complaint(settings)) {
      throw std::runtime_error(std::string("parameters below law: ") + fault);
    }
    const ChainNames names{parameters.base_link, parameters.tcp_link, parameters.joints};
    kinematics_ = std::make_unique<Kinematics>(
      get_robot_description(), names, seven(parameters.rotor_inertia_kg_m2));
  } catch (const std::exception & error) {
    RCLCPP_ERROR(get_node()->get_logger(), "%s", error.what());
    return CallbackReturn::FAILURE;
  }
  layout_ = std::make_unique<Layout>(parameters);
  law_.emplace(settings);
  inlet_ = std::make_unique<Inlet>(parameters.tcp_link, settings.command_timeout);
  outlet_ =
    std::make_unique<Outlet>(*get_node(), TcpNames{parameters.base_link, parameters.tcp_link});
  every_ = std::max(1u, get_update_rate() / static_cast<unsigned int>(parameters.state_rate_hz));
  open_topics();
  return CallbackReturn::SUCCESS;
}

void TcpTwistImpedanceController::open_topics()
{
  using Trigger = std_srvs::srv::Trigger;
  subscription_ = get_node()->create_subscription<geometry_msgs::msg::TwistStamped>(
    "/oda/cmd/twist", rclcpp::QoS(1).reliable(),
    [this](const geometry_msgs::msg::TwistStamped & message) {on_twist(message);});
  safety_ = get_node()->create_subscription<oda_msgs::msg::SafetyState>(
    "/oda/safety", rclcpp::QoS(1).reliable().transient_local(),
    [this](const oda_msgs::msg::SafetyState & message) {on_safety(message);});
  tare_ = get_node()->create_service<Trigger>(
    "/oda/tare", [this](const Trigger::Request::SharedPtr, Trigger::Response::SharedPtr response) {
      on_tare(*response);
    });
  reason_publisher_ = rclcpp::create_publisher<std_msgs::msg::String>(
    *get_node(), "~/reason", rclcpp::QoS(1).reliable().transient_local());
  reason_timer_ = get_node()->create_wall_timer(kReasonPeriod, [this] {tell_reason();});
}

CallbackReturn TcpTwistImpedanceController::on_activate(const rclcpp_lifecycle::State &)
{
  wrench_.reset();
  inlet_->take();  // what came before does not count
  cycle_ = 0;
  recovery_wanted_ = false;
  released_ = 0;
  law_.emplace(Settings(law_->settings()));  // nor does a torque from before
  measure();
  if (!law_->start(measured_) || !command(Vector7::Zero())) {
    RCLCPP_ERROR(
      get_node()->get_logger(),
      "joint positions and velocities are not all there, or not finite; is the robot connected?");
    return CallbackReturn::FAILURE;
  }
  reason_ = Reason::kNone;
  active_ = true;
  return CallbackReturn::SUCCESS;
}

CallbackReturn TcpTwistImpedanceController::on_deactivate(const rclcpp_lifecycle::State &)
{
  active_ = false;
  window_full_ = false;
  const bool released = command(Vector7::Zero());
  if (!is_fault(reason_)) {
    reason_ = Reason::kNotStarted;
  }
  return released ? CallbackReturn::SUCCESS : CallbackReturn::ERROR;
}

return_type TcpTwistImpedanceController::update(
  const rclcpp::Time & time, const rclcpp::Duration & period)
{
  if (const auto twist = inlet_->take()) {
    law_->command(*twist);
  }
  measure();
  if (recovery_wanted_.exchange(false) && !is_fault(reason_)) {
    law_->start(measured_);
  }
  const Output & output = law_->update(measured_, period.seconds());
  reason_ = output.reason;
  if (!command(output.torque)) {
    return return_type::ERROR;
  }
  if (is_fault(output.reason)) {
    released_ = output.torque.isZero() ? released_ + 1 : 0;
    return released_ > kReleased ? return_type::ERROR : return_type::OK;
  }
  sense_wrench();
  if (++cycle_ >= every_) {
    cycle_ = 0;
    outlet_->publish(time, measured_, output.twist, wrench_.value());
  }
  return return_type::OK;
}

// What cannot be measured becomes a number that the law refuses.
void TcpTwistImpedanceController::measure()
{
  for (size_t i = 0; i < kSeven; ++i) {
    const auto j = static_cast<Eigen::Index>(i);
    measured_.position[j] = state_interfaces_[i].get_optional().value_or(kNone);
    measured_.velocity[j] = state_interfaces_[kSeven + i].get_optional().value_or(kNone);
  }
  if (!measured_.position.allFinite() || !kinematics_->measure(measured_)) {
    measured_.mass.setConstant(kNone);
  }
}

void TcpTwistImpedanceController::sense_wrench()
{
  if (layout_->has_sensor) {
    Vector6 wrench;
    for (size_t i = 0; i < 6; ++i) {
      const auto value = state_interfaces_[2 * kSeven + i].get_optional();
      wrench[static_cast<Eigen::Index>(i)] = value.value_or(kNone);
    }
    wrench_.add(wrench);
  } else if (layout_->has_external_torque) {
    Vector7 torque;
    for (size_t i = 0; i < kSeven; ++i) {
      const auto value = state_interfaces_[2 * kSeven + i].get_optional();
      torque[static_cast<Eigen::Index>(i)] = value.value_or(kNone);
    }
    wrench_.add(law_->external_wrench(torque));
  }
  if (tare_wanted_.exchange(false)) {
    wrench_.tare();
  }
  window_full_ = wrench_.full();
}

// Position follows what is measured, so that only the torque moves the arm.
bool TcpTwistImpedanceController::command(const Vector7 & torque)
{
  bool done = true;
  for (size_t i = 0; i < kSeven; ++i) {
    const auto j = static_cast<Eigen::Index>(i);
    if (std::isfinite(measured_.position[j])) {
      done &= command_interfaces_[i].set_value(measured_.position[j]);
    }
    done &= command_interfaces_[kSeven + i].set_value(torque[j]);
  }
  return done;
}

void TcpTwistImpedanceController::on_twist(const geometry_msgs::msg::TwistStamped & message)
{
  const std::string refusal = inlet_->offer(message, get_node()->now());
  if (!refusal.empty()) {
    RCLCPP_WARN_THROTTLE(
      get_node()->get_logger(), *get_node()->get_clock(), 1000, "refused twist: %s",
      refusal.c_str());
  }
}

// After a stop the set-point may stand where the arm was pressed: /oda/start lets go of that.
void TcpTwistImpedanceController::on_safety(const oda_msgs::msg::SafetyState & message)
{
  const bool stopped = message.state == oda_msgs::msg::SafetyState::STATE_ABORT;
  if (stopped_ && !stopped) {
    recovery_wanted_ = true;
  }
  stopped_ = stopped;
}

void TcpTwistImpedanceController::on_tare(std_srvs::srv::Trigger::Response & response)
{
  response.success = active_ && window_full_;
  response.message = response.success ? "tared" :
    "no wrench over 100 ms yet: activate the controller, with a source of wrenches";
  tare_wanted_ = response.success;
}

void TcpTwistImpedanceController::tell_reason()
{
  const Reason reason = reason_;
  if (reason == std::exchange(told_, reason)) {
    return;
  }
  std_msgs::msg::String message;
  message.data = text_of(reason);
  reason_publisher_->publish(message);
  if (is_fault(reason)) {
    RCLCPP_ERROR(get_node()->get_logger(), "%s", text_of(reason));
  }
}

}  // namespace oda_controllers

PLUGINLIB_EXPORT_CLASS(
  oda_controllers::TcpTwistImpedanceController, controller_interface::ControllerInterface)
