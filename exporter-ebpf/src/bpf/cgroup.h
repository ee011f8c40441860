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

enum { HIERARCHY_SHIFT = 48 };

/* The task's cgroup in the controller's hierarchy if that is v1 and the cgroup not its root; NULL otherwise. */
static inline_always struct cgroup *cgroup_v1(struct css_set *set, u64 controller, u64 *hierarchy)
{
	struct cgroup_subsys_state *state = 0;
	struct cgroup *cgroup;
	struct cgroup_root *root;

	read_kernel(&state, sizeof(state), (void *)&set->subsys + controller * sizeof(state));
	cgroup = peek(state, cgroup);
	if (!peek(cgroup, level))
		return 0;
	root = peek(cgroup, root);
	*hierarchy = peek(root, hierarchy_id);
	return *hierarchy ? cgroup : 0;
}

/* Gives the number, as rec_process.cgroup_id describes it, and the cgroup. */
static inline_always u64 cgroup_of(struct task_struct *task, struct cgroup **which)
{
	struct css_set *set = get(task, cgroups);
	struct cgroup *cgroup = 0;
	struct kernfs_node *node;
	u64 hierarchy = 0;

	if (enum_value_exists(enum cgroup_subsys_id, memory_cgrp_id))
		cgroup = cgroup_v1(set, enum_value(enum cgroup_subsys_id, memory_cgrp_id), &hierarchy);
	if (!cgroup && enum_value_exists(enum cgroup_subsys_id, pids_cgrp_id))
		cgroup = cgroup_v1(set, enum_value(enum cgroup_subsys_id, pids_cgrp_id), &hierarchy);
	if (!cgroup) {
		hierarchy = 0;
		read_kernel(&cgroup, sizeof(cgroup), &set->dfl_cgrp);
	}
	*which = cgroup;
	node = peek(cgroup, kn);
	return peek(node, id) | hierarchy << HIERARCHY_SHIFT;
}

#endif
