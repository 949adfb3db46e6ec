"""A resource as the package's generated TypeScript describes it, cut down to one of each kind of thing."""

SAMPLE = """
export interface SampleQueueConfig extends cdktf.TerraformMetaArguments {
}
export interface SampleQueueRule {
}

export function sampleQueueRuleToHclTerraform(struct?: SampleQueueRule | cdktf.IResolvable): any {
  const attrs = {
    target: {
      value: sampleQueueRuleTargetToHclTerraform(struct!.target),
      isBlock: true,
      type: "set",
      storageClassType: "SampleQueueRuleTargetList",
    },
  };
}

export class SampleQueueRuleTargetOutputReference extends cdktf.ComplexObject {
  // arn - computed: false, optional: false, required: true
  private _arn?: string;
  public get arn() {
    return this.getStringAttribute('arn');
  }
}
export class SampleQueueRuleOutputReference extends cdktf.ComplexObject {
  // name - computed: false, optional: false, required: true
  private _name?: string;
  public get name() {
    return this.getStringAttribute('name');
  }

  // status - computed: true, optional: false, required: false
  public get status() {
    return this.getStringAttribute('status');
  }

  // target - computed: false, optional: true, required: false
  private _target = new SampleQueueRuleTargetOutputReference(this, "target");
  public get target() {
    return this._target;
  }
}
export class SampleQueueRuleList extends cdktf.ComplexList {
}
export class SampleQueueStateOutputReference extends cdktf.ComplexObject {
  // since - computed: true, optional: false, required: false
  public get since() {
    return this.getNumberAttribute('since');
  }
}
export class SampleQueueStateList extends cdktf.ComplexList {
}
export class SampleQueueTimeoutsOutputReference extends cdktf.ComplexObject {
  // create - computed: false, optional: true, required: false
  private _create?: string;
  public get create() {
    return this.getStringAttribute('create');
  }
}
export class SampleQueue extends cdktf.TerraformResource {
  public static readonly tfResourceType = "aws_sample_queue";

  // arn - computed: true, optional: false, required: false
  public get arn() {
    return this.getStringAttribute('arn');
  }

  // batch_size - computed: true, optional: true, required: false
  private _batchSize?: number;
  public get batchSize() {
    return this.getNumberAttribute('batch_size');
  }

  // is_fifo - computed: false, optional: true, required: false
  private _isFifo?: boolean | cdktf.IResolvable;
  public get isFifo() {
    return this.getBooleanAttribute('is_fifo');
  }

  // layers - computed: false, optional: true, required: false
  private _layers?: string[];
  public get layers() {
    return this.getListAttribute('layers');
  }

  // name - computed: false, optional: false, required: true
  private _name?: string;
  public get name() {
    return this.getStringAttribute('name');
  }

  // ports - computed: true, optional: false, required: false
  public get ports() {
    return cdktf.Token.asNumberList(cdktf.Fn.tolist(this.getNumberListAttribute('ports')));
  }

  // state - computed: true, optional: false, required: false
  private _state = new SampleQueueStateList(this, "state", false);
  public get state() {
    return this._state;
  }

  // tags - computed: false, optional: true, required: false
  private _tags?: { [key: string]: string };
  public get tags() {
    return this.getStringMapAttribute('tags');
  }

  // tags_all - computed: true, optional: false, required: false
  private _tagsAll = new cdktf.StringMap(this, "tags_all");
  public get tagsAll() {
    return this._tagsAll;
  }

  // zones - computed: false, optional: true, required: false
  private _zones?: string[];
  public get zones() {
    return cdktf.Fn.tolist(this.getListAttribute('zones'));
  }

  // rule - computed: false, optional: false, required: true
  private _rule = new SampleQueueRuleList(this, "rule", true);
  public get rule() {
    return this._rule;
  }

  // timeouts - computed: false, optional: true, required: false
  private _timeouts = new SampleQueueTimeoutsOutputReference(this, "timeouts");
  public get timeouts() {
    return this._timeouts;
  }

  protected synthesizeHclAttributes(): { [name: string]: any } {
    const attrs = {
      rule: {
        value: cdktf.listMapperHcl(sampleQueueRuleToHclTerraform, true)(this._rule.internalValue),
        isBlock: true,
        type: "set",
        storageClassType: "SampleQueueRuleList",
      },
      timeouts: {
        value: sampleQueueTimeoutsToHclTerraform(this._timeouts.internalValue),
        isBlock: true,
        type: "struct",
        storageClassType: "SampleQueueTimeouts",
      },
    };
  }
}
"""
