"""Requests that pynetdicom's own apps do not make; prints one JSON object with what came back.

commit-same PORT FILE...          storage commitment, the report awaited on the same association
commit-new PORT OWN_PORT FILE...  storage commitment, the association released, the report taken as COMMITSCU at OWN_PORT
mpps PORT                         N-CREATE, N-SET, and an N-SET that comes too late
identity PORT NAME                C-ECHO as that user, who asks for a positive response
"""

import json
import sys
import threading

from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.uid import generate_uid
from pynetdicom import AE, evt
from pynetdicom.pdu_primitives import UserIdentityNegotiation
from pynetdicom.sop_class import ModalityPerformedProcedureStep, StorageCommitmentPushModel, Verification

COMMITMENT_INSTANCE = "1.2.840.10008.1.20.1.1"
WAIT_SECONDS = 20

reports = []
reported = threading.Event()


def take_report(event):
    info = event.event_information
    reports.append(
        {
            "type": event.event_type,
            "transaction": info.TransactionUID,
            "stored": sorted(item.ReferencedSOPInstanceUID for item in info.get("ReferencedSOPSequence", [])),
            "failed": {
                item.ReferencedSOPInstanceUID: item.FailureReason for item in info.get("FailedSOPSequence", [])
            },
        }
    )
    reported.set()
    return 0x0000, None


def item_of(sop_class, sop_instance):
    item = Dataset()
    item.ReferencedSOPClassUID = sop_class
    item.ReferencedSOPInstanceUID = sop_instance
    return item


def commitment_request(files):
    request = Dataset()
    request.TransactionUID = generate_uid()
    objects = [dcmread(file, stop_before_pixels=True) for file in files]
    request.ReferencedSOPSequence = [item_of(o.SOPClassUID, o.SOPInstanceUID) for o in objects]
    # One that nobody has stored.
    request.ReferencedSOPSequence.append(item_of(objects[0].SOPClassUID, "1.2.3.4.404"))
    return request


def associate(title, contexts, port, **more):
    ae = AE(ae_title=title)
    for context in contexts:
        ae.add_requested_context(context)
    association = ae.associate("127.0.0.1", port, ae_title="VOXGATE", **more)
    if not association.is_established:
        print(json.dumps({"established": False}))
        sys.exit(0)
    return association


def ask(association, request):
    status, _ = association.send_n_action(request, 1, StorageCommitmentPushModel, COMMITMENT_INSTANCE)
    return status.Status


def commit_same(port, files):
    handlers = [(evt.EVT_N_EVENT_REPORT, take_report)]
    association = associate("COMMITSCU", [StorageCommitmentPushModel], port, evt_handlers=handlers)
    request = commitment_request(files)
    status = ask(association, request)
    reported.wait(WAIT_SECONDS)
    association.release()
    return {"status": status, "transaction": request.TransactionUID, "reports": reports}


def commit_new(port, own_port, files):
    server = AE(ae_title="COMMITSCU")
    server.add_supported_context(StorageCommitmentPushModel, scu_role=True, scp_role=True)
    handlers = [(evt.EVT_N_EVENT_REPORT, take_report)]
    listening = server.start_server(("127.0.0.1", own_port), block=False, evt_handlers=handlers)
    association = associate("COMMITSCU", [StorageCommitmentPushModel], port)
    request = commitment_request(files)
    status = ask(association, request)
    association.release()
    reported.wait(WAIT_SECONDS)
    listening.shutdown()
    return {"status": status, "transaction": request.TransactionUID, "reports": reports}


def new_step():
    step = Dataset()
    step.SpecificCharacterSet = "ISO_IR 100"
    scheduled = Dataset()
    scheduled.StudyInstanceUID = "1.2.3.55.1"
    scheduled.ReferencedStudySequence = []
    scheduled.AccessionNumber = "AC1"
    scheduled.RequestedProcedureID = ""
    scheduled.RequestedProcedureDescription = ""
    scheduled.ScheduledProcedureStepID = ""
    scheduled.ScheduledProcedureStepDescription = ""
    scheduled.ScheduledProtocolCodeSequence = []
    step.ScheduledStepAttributesSequence = [scheduled]
    step.PatientName = "JUDGED^ONE"
    step.PatientID = "J1"
    step.PatientBirthDate = ""
    step.PatientSex = ""
    step.ReferencedPatientSequence = []
    step.PerformedProcedureStepID = "P1"
    step.PerformedStationAETitle = "MPPSSCU"
    step.PerformedStationName = ""
    step.PerformedLocation = ""
    step.PerformedProcedureStepStartDate = "20260102"
    step.PerformedProcedureStepStartTime = "101500"
    step.PerformedProcedureStepEndDate = ""
    step.PerformedProcedureStepEndTime = ""
    step.PerformedProcedureStepStatus = "IN PROGRESS"
    step.PerformedProcedureStepDescription = ""
    step.PerformedProcedureTypeDescription = ""
    step.ProcedureCodeSequence = []
    step.Modality = "CT"
    step.StudyID = "1"
    step.PerformedProtocolCodeSequence = []
    step.PerformedSeriesSequence = []
    return step


def the_end():
    series = Dataset()
    series.PerformingPhysicianName = ""
    series.ProtocolName = "Chest"
    series.OperatorsName = ""
    series.SeriesInstanceUID = "1.2.3.55.1.1"
    series.SeriesDescription = ""
    series.RetrieveAETitle = ""
    series.ReferencedImageSequence = [item_of("1.2.840.10008.5.1.4.1.1.7", "1.2.3.55.1.1.1")]
    series.ReferencedNonImageCompositeSOPInstanceSequence = []
    end = Dataset()
    end.PerformedProcedureStepStatus = "COMPLETED"
    end.PerformedProcedureStepEndDate = "20260102"
    end.PerformedProcedureStepEndTime = "102000"
    end.PerformedSeriesSequence = [series]
    return end


def mpps(port):
    association = associate("MPPSSCU", [ModalityPerformedProcedureStep], port)
    uid = generate_uid()
    created, _ = association.send_n_create(new_step(), ModalityPerformedProcedureStep, uid)
    ended, _ = association.send_n_set(the_end(), ModalityPerformedProcedureStep, uid)
    late, _ = association.send_n_set(the_end(), ModalityPerformedProcedureStep, uid)
    association.release()
    return {"uid": uid, "created": created.Status, "ended": ended.Status, "late": late.Status}


def identity(port, name):
    user = UserIdentityNegotiation()
    user.user_identity_type = 1
    user.primary_field = name.encode()
    user.positive_response_requested = True
    association = associate("IDSCU", [Verification], port, ext_neg=[user])
    status = association.send_c_echo()
    response = association.acceptor.user_identity
    association.release()
    return {"established": True, "status": status.Status, "response": response is not None}


command, port, *rest = sys.argv[1:]
if command == "commit-same":
    answer = commit_same(int(port), rest)
elif command == "commit-new":
    answer = commit_new(int(port), int(rest[0]), rest[1:])
elif command == "mpps":
    answer = mpps(int(port))
else:
    answer = identity(int(port), rest[0])
print(json.dumps(answer))
