# The tests of the law; those of the compiled law from Python are pytest's.
find_package(GTest QUIET)
if(NOT GTest_FOUND)
  message(STATUS "oda_controllers: no GTest (libgtest-dev): no C++ tests")
  return()
endif()

add_executable(test_tcp_twist_impedance test/test_tcp_twist_impedance.cpp)
target_compile_options(test_tcp_twist_impedance PRIVATE -UNDEBUG)  # Eigen's assertions stay on
target_link_libraries(test_tcp_twist_impedance law GTest::gtest GTest::gtest_main)
add_test(NAME test_tcp_twist_impedance COMMAND test_tcp_twist_impedance)

if(TARGET ${PROJECT_NAME})
  add_executable(test_controller test/test_tcp_twist_impedance_controller.cpp)
  target_link_libraries(test_controller ${PROJECT_NAME} GTest::gtest)
  add_test(NAME test_controller COMMAND test_controller)
  set_tests_properties(test_controller PROPERTIES ENVIRONMENT
    "ROS_AUTOMATIC_DISCOVERY_RANGE=LOCALHOST;ROS_DOMAIN_ID=87")
endif()
