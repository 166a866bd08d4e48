# The ros2_control plugin.
find_package(generate_parameter_library REQUIRED)
find_package(geometry_msgs REQUIRED)
find_package(hardware_interface REQUIRED)
find_package(oda_msgs REQUIRED)
find_package(orocos_kdl REQUIRED)
find_package(pluginlib REQUIRED)
find_package(rclcpp REQUIRED)
find_package(rclcpp_lifecycle REQUIRED)
find_package(realtime_tools REQUIRED)
find_package(std_msgs REQUIRED)
find_package(std_srvs REQUIRED)

generate_parameter_library(tcp_twist_impedance_parameters src/tcp_twist_impedance_parameters.yaml)

add_library(${PROJECT_NAME} SHARED
  src/inlet.cpp
  src/kinematics.cpp
  src/outlet.cpp
  src/tcp_twist_impedance_controller.cpp)
target_link_libraries(${PROJECT_NAME} PUBLIC
  law
  tcp_twist_impedance_parameters
  controller_interface::controller_interface
  kdl_parser::kdl_parser
  orocos-kdl
  pluginlib::pluginlib
  realtime_tools::realtime_tools
  ${geometry_msgs_TARGETS}
  ${oda_msgs_TARGETS}
  ${std_msgs_TARGETS}
  ${std_srvs_TARGETS})

pluginlib_export_plugin_description_file(controller_interface oda_controllers_plugins.xml)
install(TARGETS ${PROJECT_NAME} tcp_twist_impedance_parameters
  EXPORT ${PROJECT_NAME}_targets LIBRARY DESTINATION lib ARCHIVE DESTINATION lib)
ament_export_dependencies(controller_interface generate_parameter_library kdl_parser oda_msgs
  pluginlib realtime_tools)
