// Asks Fast DDS and its security plugins what enclaves of a keystore may do.
//
//   dds_gate ask DOMAIN ENCLAVE          then lines `w TOPIC` or `r TOPIC`: 1 if it may, else 0
//   dds_gate meet DOMAIN WRITER READER TOPIC SECONDS     1 if they meet in time, else 0
//
// An enclave is a directory with its files; `-` stands for a participant without security.
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <iostream>
#include <string>
#include <thread>

#include <fastdds/dds/domain/DomainParticipant.hpp>
#include <fastdds/dds/domain/DomainParticipantFactory.hpp>
#include <fastdds/dds/log/Log.hpp>
#include <fastdds/dds/publisher/DataWriter.hpp>
#include <fastdds/dds/publisher/Publisher.hpp>
#include <fastdds/dds/subscriber/DataReader.hpp>
#include <fastdds/dds/subscriber/Subscriber.hpp>
#include <fastdds/dds/topic/Topic.hpp>
#include <fastdds/dds/topic/TopicDataType.hpp>
#include <fastdds/dds/topic/TypeSupport.hpp>

namespace fast = eprosima::fastdds::dds;
namespace rtps = eprosima::fastrtps::rtps;

class Octet : public fast::TopicDataType
{
public:
  Octet()
  {
    setName("Octet");
    m_typeSize = 1 + 4;
    m_isGetKeyDefined = false;
  }
  bool serialize(void * data, rtps::SerializedPayload_t * payload) override
  {
    payload->length = 1;
    std::memcpy(payload->data, data, 1);
    return true;
  }
  bool deserialize(rtps::SerializedPayload_t * payload, void * data) override
  {
    std::memcpy(data, payload->data, 1);
    return true;
  }
  std::function<uint32_t()> getSerializedSizeProvider(void *) override
  {
    return []() { return 1u; };
  }
  void * createData() override { return new unsigned char(0); }
  void deleteData(void * data) override { delete static_cast<unsigned char *>(data); }
  bool getKey(void *, rtps::InstanceHandle_t *, bool) override { return false; }
};

fast::DomainParticipant * join(uint32_t domain, const std::string & enclave)
{
  fast::DomainParticipantQos qos = fast::PARTICIPANT_QOS_DEFAULT;
  if (enclave != "-") {
    auto & properties = qos.properties().properties();
    const std::string auth = "dds.sec.auth.builtin.PKI-DH.";
    const std::string access = "dds.sec.access.builtin.Access-Permissions.";
    const std::string at = "file://" + enclave + "/";
    properties.emplace_back("dds.sec.auth.plugin", "builtin.PKI-DH");
    properties.emplace_back(auth + "identity_ca", at + "identity_ca.cert.pem");
    properties.emplace_back(auth + "identity_certificate", at + "cert.pem");
    properties.emplace_back(auth + "private_key", at + "key.pem");
    properties.emplace_back("dds.sec.crypto.plugin", "builtin.AES-GCM-GMAC");
    properties.emplace_back("dds.sec.access.plugin", "builtin.Access-Permissions");
    properties.emplace_back(access + "permissions_ca", at + "permissions_ca.cert.pem");
    properties.emplace_back(access + "governance", at + "governance.p7s");
    properties.emplace_back(access + "permissions", at + "permissions.p7s");
  }
  auto * participant =
    fast::DomainParticipantFactory::get_instance()->create_participant(domain, qos);
  if (participant == nullptr) {
    std::cerr << enclave << ": may not join domain " << domain << "\n";
    std::exit(3);
  }
  participant->register_type(fast::TypeSupport(new Octet()));
  return participant;
}

fast::Topic * topic_of(fast::DomainParticipant * participant, const std::string & name)
{
  return participant->create_topic(name, "Octet", fast::TOPIC_QOS_DEFAULT);
}

int ask(uint32_t domain, const std::string & enclave)
{
  auto * participant = join(domain, enclave);
  auto * publisher = participant->create_publisher(fast::PUBLISHER_QOS_DEFAULT);
  auto * subscriber = participant->create_subscriber(fast::SUBSCRIBER_QOS_DEFAULT);
  std::string kind, name;
  while (std::cin >> kind >> name) {
    auto * topic = topic_of(participant, name);
    bool may = false;
    if (kind == "w") {
      auto * writer = publisher->create_datawriter(topic, fast::DATAWRITER_QOS_DEFAULT);
      may = writer != nullptr;
      if (may) {publisher->delete_datawriter(writer);}
    } else {
      auto * reader = subscriber->create_datareader(topic, fast::DATAREADER_QOS_DEFAULT);
      may = reader != nullptr;
      if (may) {subscriber->delete_datareader(reader);}
    }
    participant->delete_topic(topic);
    std::cout << may << std::endl;
  }
  return 0;
}

int meet(
  uint32_t domain, const std::string & from, const std::string & to, const std::string & name,
  double seconds)
{
  auto * first = join(domain, from);
  auto * second = join(domain, to);
  auto * writer = first->create_publisher(fast::PUBLISHER_QOS_DEFAULT)
    ->create_datawriter(topic_of(first, name), fast::DATAWRITER_QOS_DEFAULT);
  auto * reader = second->create_subscriber(fast::SUBSCRIBER_QOS_DEFAULT)
    ->create_datareader(topic_of(second, name), fast::DATAREADER_QOS_DEFAULT);
  if (writer == nullptr || reader == nullptr) {
    std::cerr << name << ": one of both may not use it\n";
    return 4;
  }
  const auto end = std::chrono::steady_clock::now() + std::chrono::duration<double>(seconds);
  fast::PublicationMatchedStatus status;
  do {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    writer->get_publication_matched_status(status);
  } while (status.current_count == 0 && std::chrono::steady_clock::now() < end);
  std::cout << (status.current_count > 0) << std::endl;
  std::_Exit(0);  // both participants end with the process
}

int main(int count, char ** words)
{
  fast::Log::ClearConsumers();  // it writes to the same stream, in the middle of answers
  const std::string mode = count > 1 ? words[1] : "";
  if (mode == "ask" && count == 4) {
    return ask(std::stoul(words[2]), words[3]);
  }
  if (mode == "meet" && count == 7) {
    return meet(std::stoul(words[2]), words[3], words[4], words[5], std::stod(words[6]));
  }
  std::cerr << "usage: see the head of dds_gate.cpp\n";
  return 2;
}
