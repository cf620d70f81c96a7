-- Made up: two people, their number and two contacts, in as many of FusionPBX's columns as the example reads.
CREATE TABLE v_domains (domain_uuid uuid, domain_name text);
CREATE TABLE v_extensions (extension_uuid uuid, domain_uuid uuid, extension text, effective_caller_id_name text,
  outbound_caller_id_number text, enabled text);
CREATE TABLE v_destinations (domain_uuid uuid, destination_type text, destination_number text,
  destination_description text, destination_enabled text);
CREATE TABLE v_contacts (contact_uuid uuid, domain_uuid uuid, contact_organization text, contact_name_given text,
  contact_name_family text);
CREATE TABLE v_contact_phones (domain_uuid uuid, contact_uuid uuid, phone_number text);
CREATE TABLE v_xml_cdr (xml_cdr_uuid uuid, domain_uuid uuid, extension_uuid uuid, direction text, caller_id_name text,
  caller_id_number text, destination_number text, start_epoch numeric);

\set acme 'a0000000-0000-0000-0000-000000000001'
\set e201 'e0000000-0000-0000-0000-000000000201'
\set e202 'e0000000-0000-0000-0000-000000000202'
\set dana 'c0000000-0000-0000-0000-000000000001'
\set paper 'c0000000-0000-0000-0000-000000000002'
INSERT INTO v_domains VALUES (:'acme', 'acme.example.com');
INSERT INTO v_extensions VALUES (:'e201', :'acme', '201', 'Jake Miller', '4045550100', 'true'),
  (:'e202', :'acme', '202', 'Ann Lee', '', 'true');
INSERT INTO v_destinations VALUES (:'acme', 'inbound', '4045550100', 'Main line', 'true');
INSERT INTO v_contacts VALUES (:'dana', :'acme', NULL, 'Dana', 'Whitfield'), (:'paper', :'acme', 'Atlanta Paper', '', '');
INSERT INTO v_contact_phones VALUES (:'acme', :'dana', '(404) 555-0199'), (:'acme', :'dana', '404-555-0198'),
  (:'acme', :'paper', '14045550188'), (:'acme', :'paper', '911');
INSERT INTO v_xml_cdr VALUES
  ('d0000000-0000-0000-0000-000000000001', :'acme', :'e201', 'inbound', 'GREEN VALLEY DENTAL', '4045550111', '4045550100',
    1795424400),
  ('d0000000-0000-0000-0000-000000000002', :'acme', :'e201', 'outbound', 'Jake Miller', '4045550100', '4045550199',
    1795428000),
  ('d0000000-0000-0000-0000-000000000003', :'acme', :'e202', 'local', 'Ann Lee', '202', '201', 1795428060);
