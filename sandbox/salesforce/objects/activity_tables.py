"""The fields of tasks and events; the form of a line is that of ``sandbox.salesforce.objects.tables``."""

from __future__ import annotations

from sandbox.salesforce.objects.setup_tables import AUDIT

TASK = f"""
Id id dl 18
WhoId ref cun >Contact|Lead
WhatId ref cun >Account|Campaign|Opportunity
Subject combobox cun 255 @subject
ActivityDate date cun
Status picklist cud 255 @task_status
Priority picklist cud 255 @priority
IsHighPriority boolean d
OwnerId ref cud >Group|User
Description textarea cunx 32000
IsDeleted boolean d
AccountId ref n >Account
IsClosed boolean d
{AUDIT}
IsArchived boolean d
CallDurationInSeconds int cun 8
CallType picklist cunr 40 @call_type
CallDisposition string cun 255
CallObject string cun 255
ReminderDateTime datetime cun
IsReminderSet boolean cud
IsRecurrence boolean cd
TaskSubtype picklist cnr 40 @task_subtype
CompletedDateTime datetime n
"""

EVENT = f"""
Id id dl 18
WhoId ref cun >Contact|Lead
WhatId ref cun >Account|Campaign|Opportunity
Subject combobox cun 255 @subject
Location string cun 255
IsAllDayEvent boolean cud
ActivityDateTime datetime cun
ActivityDate date cun
DurationInMinutes int cun 8
StartDateTime datetime cun
EndDateTime datetime cun
EndDate date n
Description textarea cunx 32000
AccountId ref n >Account
OwnerId ref cud >User
IsPrivate boolean cud
ShowAs picklist cundr 40 @show_as
IsDeleted boolean d
IsChild boolean d
IsGroupEvent boolean d
GroupEventType picklist ndr 40 @group_event
{AUDIT}
IsArchived boolean d
ReminderDateTime datetime cun
IsReminderSet boolean cud
EventSubtype picklist cnr 40 @event_subtype
"""
