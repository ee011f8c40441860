/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The cgroup that says which container a task is in: its number for every record, its path for some.
 *
 * With cgroup v2 that is the task's cgroup. On v1 and hybrid hosts it is the first of the memory and pids
 * hierarchies in which the task is not at the root; container runtimes make a cgroup in both.
 */
#ifndef SAKER_CGROUP_H
#define SAKER_CGROUP_H

#include "kernel.h"
#include "maps.h"

enum { HIERARCHY_SHIFT = 48 };

static inline_always struct cgroup *cgroup_in(struct css_set *set, u64 controller)
{
	struct cgroup_subsys_state *state = 0;

	read_kernel(&state, sizeof(state), (void *)&set->subsys + controller * sizeof(state));
	return peek(state, cgroup);
}

static inline_always u32 hierarchy_of(struct cgroup *cgroup)
{
	struct cgroup_root *root = peek(cgroup, root);

	return peek(root, hierarchy_id);
}

#define find_v1(set, controller)                                                           \
	(enum_value_exists(enum cgroup_subsys_id, controller) &&                           \
			 hierarchy_of(cgroup_in(set, enum_value(enum cgroup_subsys_id, controller))) ? \
		 V1_YES : V1_NO)

/* Notes which of the controllers are on v1. */
static inline_always void learn_hierarchies(struct task_struct *task)
{
	struct css_set *set = get(task, cgroups);

	memory_v1 = find_v1(set, memory_cgrp_id);
	pids_v1 = find_v1(set, pids_cgrp_id);
}

/* The task's cgroup in the controller's hierarchy if that is v1 and the cgroup not its root; NULL otherwise. */
static inline_always struct cgroup *cgroup_v1(struct css_set *set, u64 controller, u64 *hierarchy)
{
	struct cgroup *cgroup = cgroup_in(set, controller);

	if (!peek(cgroup, level))
		return 0;
	*hierarchy = hierarchy_of(cgroup);
	return *hierarchy ? cgroup : 0;
}

/* Gives the number, as rec_process.cgroup_id describes it, and the cgroup. */
static inline_always u64 cgroup_of(struct task_struct *task, struct cgroup **which)
{
	struct css_set *set = get(task, cgroups);
	struct cgroup *cgroup = 0, *v2;
	struct kernfs_node *node;
	u64 hierarchy = 0;

	if (memory_v1 != V1_NO && enum_value_exists(enum cgroup_subsys_id, memory_cgrp_id))
		cgroup = cgroup_v1(set, enum_value(enum cgroup_subsys_id, memory_cgrp_id), &hierarchy);
	if (!cgroup && pids_v1 != V1_NO && enum_value_exists(enum cgroup_subsys_id, pids_cgrp_id))
		cgroup = cgroup_v1(set, enum_value(enum cgroup_subsys_id, pids_cgrp_id), &hierarchy);
	if (cgroup) {
		*which = cgroup;
		node = peek(cgroup, kn);
		return peek(node, id) | hierarchy << HIERARCHY_SHIFT;
	}
	v2 = get(set, dfl_cgrp);
	*which = (struct cgroup *)(u64)v2;
	node = get(v2, kn);
	return get(node, id);
}

#endif
